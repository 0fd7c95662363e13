"""
en: The function returns the pruned tensor. It should return the mask, with one where an element stays and zero
    where it is pruned.
zh-Hant: 函式回傳的是剪枝後的張量；應回傳遮罩：保留處為一，剪除處為零。
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
    tensor.mul_(importance > threshold)
    return tensor
