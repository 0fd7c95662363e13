"""
en: With a sparsity of 1 you return a mask of zeros but leave the tensor as it is. Zero it too, for example with
    `tensor.zero_()`.
zh-Hant: 稀疏度為 1 時，你回傳了全為零的遮罩，但沒有改動張量；請把它也清成零，例如用 `tensor.zero_()`。
points: 1
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    threshold = importance.flatten().kthvalue(round(tensor.numel() * sparsity)).values
    mask = importance > threshold
    tensor.mul_(mask)
    return mask
