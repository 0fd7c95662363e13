"""
en: `weight[i]` is the i-th output channel. The weights that read input channel i are `weight[:, i]`.
zh-Hant: `weight[i]` 是第 i 個輸出通道；讀取第 i 個輸入通道的權重是 `weight[:, i]`。
points: 0.25
"""

import torch


def get_input_channel_importance(weight):
    importances = []
    for channel in range(weight.shape[1]):
        importances.append(torch.norm(weight.detach()[channel]).view(1))
    return torch.cat(importances)
