"""
en: Your mask keeps one element too many: the element at the threshold itself must be pruned, so compare with `>`,
    not `>=`.
zh-Hant: 你的遮罩多留了一個元素：恰好等於門檻值的元素也應剪除，因此要用 `>` 比較，而不是 `>=`。
points: 0.75
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
    mask = importance >= threshold
    tensor.mul_(mask)
    return mask
