import numpy as np
import torch


def get_input_channel_importance(weight):
    squares = weight.detach().numpy().astype(np.float64) ** 2
    return torch.tensor(np.sqrt(squares.sum(axis=(0, 2, 3))), dtype=torch.float32)
