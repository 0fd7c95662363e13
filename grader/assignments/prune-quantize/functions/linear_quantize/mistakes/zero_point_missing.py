"""
en: The zero point is not used. Add it to the rounded quotient.
zh-Hant: 沒有用到零點；請把它加到四捨五入後的商上。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    return torch.round(fp_tensor / scale).clamp(*get_quantized_range(bitwidth)).to(dtype)
