"""
en: The tensor is multiplied by the scale. In r = S (q - Z), solving for q divides by S.
zh-Hant: 張量乘上了比例；由 r = S (q - Z) 解出 q 時應除以 S。
points: 0
"""

import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    shifted = torch.round(fp_tensor * scale) + zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
