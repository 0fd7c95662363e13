"""
en: Weights of opposite signs cancel in a plain sum. The L2 norm squares them first.
zh-Hant: 直接相加會讓正負權重互相抵消；L2 範數要先平方。
"""


def get_input_channel_importance(weight):
    return weight.detach().sum(dim=(0, 2, 3))
