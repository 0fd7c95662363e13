"""
en: You prune the largest magnitudes and keep the smallest. Turn the comparison round: keep what is above the
    threshold.
zh-Hant: 你剪除了絕對值最大的元素，留下了最小的；請把比較的方向反過來，保留高於門檻值的元素。
points: 0
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
    mask = importance <= threshold
    tensor.mul_(mask)
    return mask
