"""
en: The sum of the weights is not multiplied by the zero point of the input.
zh-Hant: 權重的總和沒有乘上輸入的零點。
"""

import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias - quantized_weight.sum(dim=1, dtype=torch.int32)
