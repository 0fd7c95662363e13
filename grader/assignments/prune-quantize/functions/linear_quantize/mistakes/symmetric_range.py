"""
en: The lowest number of the range is missing. Signed numbers go from -2^(b-1) to 2^(b-1) - 1, not from -(2^(b-1) -
    1).
zh-Hant: 範圍少了最小的數；有號數的範圍是 -2^(b-1) 到 2^(b-1) - 1，而不是從 -(2^(b-1) - 1) 開始。
points: 0.75
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    highest = 2 ** (bitwidth - 1) - 1
    shifted = torch.round(fp_tensor / scale) + zero_point
    return shifted.clamp(-highest, highest).to(dtype)
