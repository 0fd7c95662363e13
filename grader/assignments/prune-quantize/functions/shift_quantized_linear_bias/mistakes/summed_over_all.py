"""
en: The weights of all outputs are summed together. Each output has its own row: sum over dimension 1 alone.
zh-Hant: 所有輸出的權重被加總在一起了；每個輸出有自己的一列，只要對維度 1 加總。
"""

import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias - quantized_weight.sum(dtype=torch.int32) * input_zero_point
