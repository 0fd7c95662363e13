"""
en: The output is clamped before its zero point is added. Add first, clamp last.
zh-Hant: 在加上零點之前就截斷了；應先相加，最後才截斷。
points: 1
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
    shifted = scaled.round().clamp(*get_quantized_range(feature_bitwidth)) + output_zero_point
    return shifted.to(torch.int8)
