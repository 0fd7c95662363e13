"""
en: The number is rounded down. The task asks for the nearest whole number: use `round` before `int`.
zh-Hant: 數量被無條件捨去了；題目要求四捨五入到最接近的整數，請在 `int` 之前使用 `round`。
points: 0.25
"""


def get_num_channels_to_keep(channels, prune_ratio):
    return int(channels * (1 - prune_ratio))
