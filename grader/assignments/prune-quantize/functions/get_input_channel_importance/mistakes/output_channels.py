"""
en: This is the importance of each output channel. The weight has the shape (out, in, height, width): reduce over
    the first dimension and keep the second.
zh-Hant: 這是每個輸出通道的重要性。權重的形狀是 (輸出, 輸入, 高, 寬)：應對第一個維度取範數，保留第二個維度。
points: 0.25
"""


def get_input_channel_importance(weight):
    return weight.detach().flatten(1).norm(dim=1)
