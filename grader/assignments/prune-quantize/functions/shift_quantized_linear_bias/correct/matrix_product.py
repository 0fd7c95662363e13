import torch


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    ones = torch.full((quantized_weight.shape[1],), input_zero_point, dtype=torch.int32)
    return quantized_bias - quantized_weight.int() @ ones
