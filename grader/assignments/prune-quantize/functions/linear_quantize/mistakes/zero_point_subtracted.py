"""
en: The zero point is subtracted. In r = S (q - Z), solving for q gives r / S + Z: add it.
zh-Hant: 零點被減掉了；由 r = S (q - Z) 解出 q 得到 r / S + Z，應該相加。
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.round(fp_tensor / scale) - zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
