def get_num_channels_to_keep(channels, prune_ratio):
    """The number of channels that stay when the share ``prune_ratio`` is pruned, rounded to the nearest number."""
    return int(round(channels * (1.0 - prune_ratio)))
