"""
en: The quotient is clamped before the zero point is added, so the result can leave the range. Add first, clamp
    last.
zh-Hant: 在加上零點之前就截斷了，結果可能超出範圍；應先相加，最後才截斷。
points: 0.75
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    lowest, highest = get_quantized_range(bitwidth)
    return (torch.round(fp_tensor / scale).clamp(lowest, highest) + zero_point).to(dtype)
