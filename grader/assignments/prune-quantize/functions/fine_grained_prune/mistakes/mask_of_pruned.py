"""
en: The tensor is pruned rightly, but the returned mask marks the pruned elements. It should be one where an element
    stays.
zh-Hant: 張量剪得正確，但回傳的遮罩標記的是被剪除的元素；保留的元素才應為一。
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
    return importance <= threshold
