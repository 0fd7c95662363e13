"""
en: The quotient is converted to whole numbers without rounding, which cuts its fraction off. Use `torch.round`
    first.
zh-Hant: 商沒有先四捨五入就轉成整數，小數部分直接被截掉；請先用 `torch.round`。
points: 0.5
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.trunc(fp_tensor / scale) + zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
