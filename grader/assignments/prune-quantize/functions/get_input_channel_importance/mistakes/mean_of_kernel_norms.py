"""
en: This is the mean of the norms of the single kernels. Take one norm over all weights that read the channel.
zh-Hant: 這是各個卷積核範數的平均；應對讀取該通道的所有權重一起取一次範數。
points: 0.25
"""


def get_input_channel_importance(weight):
    return weight.detach().flatten(2).norm(dim=2).mean(dim=0)
