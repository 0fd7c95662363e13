"""
en: You keep the share `sparsity` of the elements. Sparsity is the share of zeros, so that share must be pruned.
zh-Hant: 你保留了比例為 `sparsity` 的元素；稀疏度是零所占的比例，因此應剪除這個比例的元素。
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    threshold = importance.flatten().kthvalue(round(tensor.numel() * (1 - sparsity))).values
    mask = importance > threshold
    tensor.mul_(mask)
    return mask
