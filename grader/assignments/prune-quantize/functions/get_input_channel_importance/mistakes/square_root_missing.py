"""
en: This is the sum of squares. The L2 norm is its square root.
zh-Hant: 這是平方和；L2 範數還要再開平方根。
points: 0.5
"""


def get_input_channel_importance(weight):
    return weight.detach().square().sum(dim=(0, 2, 3))
