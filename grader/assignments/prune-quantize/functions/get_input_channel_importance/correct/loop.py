import torch


def get_input_channel_importance(weight):
    in_channels = weight.shape[1]
    importances = []
    for i_c in range(in_channels):
        channel_weight = weight.detach()[:, i_c]
        importances.append(torch.norm(channel_weight).view(1))
    return torch.cat(importances)
