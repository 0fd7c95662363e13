"""
en: The zero point of the output is not added. Add it after scaling.
zh-Hant: 沒有加上輸出的零點；請在乘上比例之後加上它。
points: 0.5
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
    scaled = total.float() * (input_scale * weight_scale.flatten() / output_scale)
    shifted = scaled.round()
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
