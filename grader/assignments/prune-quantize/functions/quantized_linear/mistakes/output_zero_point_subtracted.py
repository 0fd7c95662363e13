"""
en: The zero point of the output is subtracted. From y = S (q - Z) follows q = y / S + Z: add it.
zh-Hant: 輸出的零點被減掉了；由 y = S (q - Z) 可得 q = y / S + Z，應該相加。
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
    shifted = scaled.round() - output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
