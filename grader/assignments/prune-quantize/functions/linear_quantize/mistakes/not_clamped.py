"""
en: Values beyond the range of `bitwidth` bits are not clamped. Clamp to `get_quantized_range(bitwidth)` at the end.
zh-Hant: 超出 `bitwidth` 位元範圍的數值沒有被截斷；最後請截斷到 `get_quantized_range(bitwidth)`。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    return (torch.round(fp_tensor / scale) + zero_point).to(dtype)
