"""
en: The bias is not added.
zh-Hant: 沒有加上偏差。
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
    total = input.int() @ weight.int().T
    scaled = total.float() * (input_scale * weight_scale.flatten() / output_scale)
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
