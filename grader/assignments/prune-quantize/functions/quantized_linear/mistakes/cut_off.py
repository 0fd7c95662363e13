"""
en: The output is converted to whole numbers without rounding, which cuts its fraction off. Use `round` first.
zh-Hant: 輸出沒有先四捨五入就轉成整數，小數部分直接被截掉；請先用 `round`。
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
    shifted = scaled.trunc() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
