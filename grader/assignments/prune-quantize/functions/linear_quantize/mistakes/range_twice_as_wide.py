"""
en: The range is that of one bit more. Signed numbers of b bits go from -2^(b-1) to 2^(b-1) - 1.
zh-Hant: 用了多一個位元的範圍；b 位元有號數的範圍是 -2^(b-1) 到 2^(b-1) - 1。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.round(fp_tensor / scale) + zero_point
    return shifted.clamp(-(2**bitwidth), 2**bitwidth - 1).to(dtype)
