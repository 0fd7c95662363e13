"""
en: The number is not rounded. A number of channels is a whole number: use `int(round(...))`.
zh-Hant: 數量沒有取整；通道數必須是整數，請用 `int(round(...))`。
points: 0.25
"""


def get_num_channels_to_keep(channels, prune_ratio):
    return channels * (1 - prune_ratio)
