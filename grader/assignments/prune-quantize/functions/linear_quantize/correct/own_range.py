import torch


def linear_quantize(x, bits, scale, zero, dtype=torch.int8):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return torch.clamp(torch.floor(x / scale + 0.5) + zero, low, high).to(dtype)
