"""
en: The scale is inverted. The output is the total times S_x S_W / S_y.
zh-Hant: 比例上下顛倒了；輸出是總和乘以 S_x S_W / S_y。
"""

import torch


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
    total = input.int() @ weight.int().T + bias
    scaled = total.float() * (output_scale / (input_scale * weight_scale.flatten()))
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
