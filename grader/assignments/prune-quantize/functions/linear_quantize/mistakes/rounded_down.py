"""
en: The quotient is rounded down. Use `torch.round`, which takes the nearest whole number.
zh-Hant: 商被無條件捨去了；請用 `torch.round` 取最接近的整數。
points: 0.5
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.floor(fp_tensor / scale) + zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
