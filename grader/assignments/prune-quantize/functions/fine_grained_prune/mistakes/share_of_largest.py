"""
en: Your threshold is `sparsity` times the largest magnitude. That does not prune a given share: take the magnitude
    of the element at that rank, for example with `kthvalue`.
zh-Hant: 你的門檻值是最大絕對值乘以 `sparsity`，這樣剪除的比例並不固定；請取對應名次元素的絕對值，例如用 `kthvalue`。
"""

import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    mask = importance > sparsity * importance.max()
    tensor.mul_(mask)
    return mask
