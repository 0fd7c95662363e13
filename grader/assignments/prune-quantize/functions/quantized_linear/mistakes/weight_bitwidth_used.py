"""
en: The output is clamped to the range of the weights' bit width. Outputs are features: use `feature_bitwidth`.
zh-Hant: 輸出被截斷到權重位元數的範圍；輸出屬於特徵，請用 `feature_bitwidth`。
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
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(weight_bitwidth)).to(torch.int8)
