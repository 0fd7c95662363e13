import torch


def shift_quantized_linear_bias(bias, weight, zero_point):
    shifted = [int(b) - zero_point * sum(row.tolist()) for b, row in zip(bias, weight)]
    return torch.tensor(shifted, dtype=torch.int32)
