"""
en: Where each channel has a scale of its own, a single scale is used for all of them. Divide by the tensor of
    scales: it broadcasts.
zh-Hant: 每個通道各有自己的比例時，卻全部使用同一個比例；請直接除以比例張量，它會自動廣播。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    if torch.is_tensor(scale):
        scale = scale.max()
    shifted = torch.round(fp_tensor / scale) + zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
