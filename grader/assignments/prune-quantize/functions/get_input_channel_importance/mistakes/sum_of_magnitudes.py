"""
en: This is the L1 norm, the sum of the magnitudes. The task asks for the L2 norm, the root of the sum of squares.
zh-Hant: 這是 L1 範數，也就是絕對值的總和；題目要求 L2 範數，也就是平方和的平方根。
points: 0.5
"""


def get_input_channel_importance(weight):
    return weight.detach().abs().sum(dim=(0, 2, 3))
