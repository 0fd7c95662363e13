import torch


def get_input_channel_importance(weight):
    return torch.linalg.vector_norm(weight, ord=2, dim=(0, 2, 3))
