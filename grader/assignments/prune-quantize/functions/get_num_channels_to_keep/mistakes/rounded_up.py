"""
en: The number is rounded up. The task asks for the nearest whole number: use `round`.
zh-Hant: 數量被無條件進位了；題目要求四捨五入到最接近的整數，請用 `round`。
points: 0.25
"""

import math


def get_num_channels_to_keep(channels, prune_ratio):
    return math.ceil(channels * (1 - prune_ratio))
