"""
en: The number is rounded to a multiple of 8. The task asks for the nearest whole number.
zh-Hant: 數量被取成 8 的倍數；題目只要求四捨五入到最接近的整數。
"""


def get_num_channels_to_keep(channels, prune_ratio):
    return max(8, round(channels * (1 - prune_ratio) / 8) * 8)
