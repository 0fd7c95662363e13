"""
en: The magnitudes of the weights are summed. Negative weights count with their sign.
zh-Hant: 加總的是權重的絕對值；負的權重應帶著負號加總。
"""


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias - quantized_weight.int().abs().sum(dim=1) * input_zero_point
