"""
en: The number of pruned elements is rounded up. The task asks for the nearest whole number: use `round`.
zh-Hant: 要剪除的元素數量被無條件進位了；題目要求四捨五入到最接近的整數，請用 `round`。
points: 0.75
"""

import math

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    threshold = importance.flatten().kthvalue(math.ceil(tensor.numel() * sparsity)).values
    mask = importance > threshold
    tensor.mul_(mask)
    return mask
