import torch


def get_input_channel_importance(weight):
    return torch.einsum("oihw,oihw->i", weight, weight).sqrt()
