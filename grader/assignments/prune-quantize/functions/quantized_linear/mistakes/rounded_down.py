"""
en: The output is rounded down. Use `round`, which takes the nearest whole number.
zh-Hant: 輸出被無條件捨去了；請用 `round` 取最接近的整數。
points: 0.75
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
    shifted = scaled.floor() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
