"""
en: This is the number of channels that are pruned. The function should return how many stay: use `1 - prune_ratio`.
zh-Hant: 這是被剪除的通道數；函式應回傳保留的通道數，請用 `1 - prune_ratio`。
"""


def get_num_channels_to_keep(channels, prune_ratio):
    return int(round(channels * prune_ratio))
