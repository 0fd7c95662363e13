"""
en: The sum overflows, because it is kept in 8 bits. Sum in 32 bits: `sum(dim=1, dtype=torch.int32)`.
zh-Hant: 總和只用 8 位元儲存而溢位了；請用 32 位元加總：`sum(dim=1, dtype=torch.int32)`。
points: 0.25
"""

import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias - quantized_weight.sum(dim=1, dtype=torch.int8) * input_zero_point
