"""
en: The zero point of the input is subtracted from the input, but the bias that is passed in is shifted already. Use
    the input as it is.
zh-Hant: 從輸入又減了一次零點，但傳入的偏差已經修正過了；請直接使用輸入。
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
    total = (input.int() - input_zero_point) @ weight.int().T + bias
    scaled = total.float() * (input_scale * weight_scale.flatten() / output_scale)
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
