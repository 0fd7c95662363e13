"""
en: The mask is right, but the tensor that was passed in does not change: `tensor = tensor * mask` makes a new one.
    Use `tensor.mul_(mask)`.
zh-Hant: 遮罩正確，但傳入的張量沒有改變：`tensor = tensor * mask` 會產生新的張量。請用 `tensor.mul_(mask)`。
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    threshold = importance.flatten().kthvalue(round(tensor.numel() * sparsity)).values
    mask = importance > threshold
    tensor = tensor * mask
    return mask
