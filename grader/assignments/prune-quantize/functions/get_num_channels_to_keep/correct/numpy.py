import numpy as np


def get_num_channels_to_keep(channels: int, prune_ratio: float) -> int:
    return int(np.round(channels * (1.0 - prune_ratio)))
