"""
en: The range of unsigned numbers is used, from 0 to 2^b - 1. Signed numbers go from -2^(b-1) to 2^(b-1) - 1.
zh-Hant: 用了無號數的範圍 0 到 2^b - 1；有號數的範圍是 -2^(b-1) 到 2^(b-1) - 1。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.round(fp_tensor / scale) + zero_point
    return shifted.clamp(0, 2**bitwidth - 1).to(dtype)
