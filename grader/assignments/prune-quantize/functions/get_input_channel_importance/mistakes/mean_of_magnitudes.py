"""
en: This is the mean magnitude. The task asks for the L2 norm, the root of the sum of squares.
zh-Hant: 這是絕對值的平均；題目要求 L2 範數，也就是平方和的平方根。
"""


def get_input_channel_importance(weight):
    return weight.detach().abs().mean(dim=(0, 2, 3))
