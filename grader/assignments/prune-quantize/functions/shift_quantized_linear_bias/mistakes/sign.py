"""
en: The correction is added. The zero point of the input adds Z times the row's sum to each output, so it must be
    subtracted from the bias.
zh-Hant: 修正項被加上去了；輸入的零點會讓每個輸出多出 Z 乘以該列總和，因此要從偏差中減去。
points: 0.25
"""

import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias + quantized_weight.sum(dim=1, dtype=torch.int32) * input_zero_point
