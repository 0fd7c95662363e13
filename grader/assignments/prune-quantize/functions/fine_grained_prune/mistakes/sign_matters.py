"""
en: You compare the values with their signs, so all large negative weights are pruned. The importance of a weight is
    its magnitude: take `abs` first.
zh-Hant: 你直接比較了帶正負號的數值，因此很大的負權重都被剪掉了；權重的重要性是它的絕對值，請先取 `abs`。
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    threshold = tensor.flatten().kthvalue(round(tensor.numel() * sparsity)).values
    mask = tensor > threshold
    tensor.mul_(mask)
    return mask
