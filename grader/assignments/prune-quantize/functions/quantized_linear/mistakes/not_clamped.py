"""
en: Outputs beyond the range of `feature_bitwidth` bits are not clamped. Clamp to
    `get_quantized_range(feature_bitwidth)`.
zh-Hant: 超出 `feature_bitwidth` 位元範圍的輸出沒有被截斷；請截斷到 `get_quantized_range(feature_bitwidth)`。
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
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(-128, 127).to(torch.int8)
