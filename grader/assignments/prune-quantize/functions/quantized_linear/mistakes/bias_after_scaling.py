"""
en: The bias is added after scaling. It has the scale S_x S_W, so add it to the product before scaling.
zh-Hant: 偏差在縮放之後才加上；它的比例是 S_x S_W，應在縮放之前加到乘積上。
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
    shifted = scaled.round() + bias + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
