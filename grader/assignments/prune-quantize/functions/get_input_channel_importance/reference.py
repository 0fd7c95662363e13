def get_input_channel_importance(weight):
    """The L2 norm of the weights that read each input channel: ``weight`` (out, in, ...) gives a tensor (in,)."""
    return weight.detach().transpose(0, 1).flatten(1).norm(dim=1)
