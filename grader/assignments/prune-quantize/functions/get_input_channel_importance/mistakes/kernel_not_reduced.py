"""
en: The result has one number for each position of the kernel. Reduce over the output channels, the height and the
    width together.
zh-Hant: 結果在卷積核的每個位置各有一個數；應同時對輸出通道、高與寬取範數。
"""


def get_input_channel_importance(weight):
    return weight.detach().norm(dim=0)
