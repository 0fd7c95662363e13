import numpy as np
import torch


def fine_grained_prune(tensor, sparsity):
    values = np.abs(tensor.numpy()).reshape(-1)
    mask = np.ones(values.size, dtype=bool)
    mask[np.argsort(values)[: int(round(values.size * sparsity))]] = False
    mask = torch.from_numpy(mask.reshape(tuple(tensor.shape)))
    tensor.masked_fill_(~mask, 0)
    return mask
