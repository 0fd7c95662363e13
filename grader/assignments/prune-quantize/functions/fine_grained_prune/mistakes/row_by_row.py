"""
en: You prune the share of each row of the last dimension. The magnitudes of the whole tensor should be ranked
    together: flatten it first.
zh-Hant: 你在最後一個維度的每一列各剪除同樣的比例；應把整個張量的絕對值一起排序，請先 `flatten`。
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    pruned = max(1, round(tensor.shape[-1] * sparsity))
    threshold = importance.kthvalue(pruned, dim=-1, keepdim=True).values
    mask = importance > threshold
    tensor.mul_(mask)
    return mask
