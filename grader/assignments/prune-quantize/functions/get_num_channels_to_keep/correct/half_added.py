import math


def get_num_channels_to_keep(channels, prune_ratio):
    return math.floor(channels * (1 - prune_ratio) + 0.5)
