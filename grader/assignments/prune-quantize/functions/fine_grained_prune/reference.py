import torch


def fine_grained_prune(tensor, sparsity):
    """Zero the share ``sparsity`` of the elements with the smallest magnitudes; return the mask of those that stay."""
    pruned = round(tensor.numel() * sparsity)
    order = tensor.abs().flatten().argsort()
    mask = torch.ones(tensor.numel(), dtype=tensor.dtype)
    mask[order[:pruned]] = 0
    mask = mask.view_as(tensor)
    tensor.mul_(mask)
    return mask
