def quantized_linear(
    input,
    weight,
    bias,
    feature_bitwidth,
    weight_bitwidth,
    input_zero_point,
    output_zero_point,
    input_scale,
    weight_scale,
    output_scale,
):
    """The quantized output ``round((x W^T + Q_bias) S_x S_W / S_y) + Z_y``, clamped; the bias is shifted already."""
    total = input.long() @ weight.long().T + bias
    scaled = total.double() * (input_scale * weight_scale.double().flatten() / output_scale)
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
