import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    assert quantized_bias.dtype == torch.int32
    assert isinstance(input_zero_point, int)
    return quantized_bias - quantized_weight.sum(1).to(torch.int32) * input_zero_point
