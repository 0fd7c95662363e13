def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    """The bias minus the share of the output that the input's zero point adds: ``Q_bias = q_b - Z_x sum_in(q_W)``."""
    return quantized_bias - quantized_weight.sum(dim=1, dtype=torch.int32) * input_zero_point
