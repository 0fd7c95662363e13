import torch


def fine_grained_prune(tensor, sparsity):
    kept = tensor.numel() - round(tensor.numel() * min(max(0.0, sparsity), 1.0))
    mask = torch.zeros(tensor.numel(), dtype=torch.bool)
    mask[torch.topk(tensor.abs().view(-1), kept).indices] = True
    tensor[~mask.view_as(tensor)] = 0
    return mask.view_as(tensor)
