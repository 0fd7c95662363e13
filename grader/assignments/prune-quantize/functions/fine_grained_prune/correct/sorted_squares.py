import torch


def fine_grained_prune(tensor, sparsity):
    pruned = round(tensor.numel() * sparsity)
    if pruned == 0:
        return torch.ones_like(tensor)
    importance = tensor.square()
    threshold = importance.flatten().sort().values[pruned - 1]
    mask = (importance > threshold).float()
    tensor.copy_(tensor * mask)
    return mask
