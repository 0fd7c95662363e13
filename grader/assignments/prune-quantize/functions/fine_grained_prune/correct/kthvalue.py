import torch


def fine_grained_prune(tensor, sparsity):
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = torch.abs(tensor)
    threshold = torch.kthvalue(importance.flatten(), round(tensor.numel() * sparsity))[0]
    mask = torch.gt(importance, threshold)
    tensor.mul_(mask)
    return mask
