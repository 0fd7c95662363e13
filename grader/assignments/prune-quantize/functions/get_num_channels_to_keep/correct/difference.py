def get_num_channels_to_keep(channels, prune_ratio):
    return channels - round(channels * prune_ratio)
