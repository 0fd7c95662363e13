"""
en: A single scale is used for all outputs. Each output has its own weight scale: `weight_scale.flatten()`
    broadcasts over the batch.
zh-Hant: 所有輸出都用了同一個比例；每個輸出有自己的權重比例，`weight_scale.flatten()` 會沿著批次廣播。
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
    scaled = total.float() * (input_scale * weight_scale.mean() / output_scale)
    shifted = scaled.round() + output_zero_point
    return shifted.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
