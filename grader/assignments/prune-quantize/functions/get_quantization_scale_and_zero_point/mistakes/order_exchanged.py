"""
en: The two results are exchanged. Return the scale first, then the zero point.
zh-Hant: 兩個回傳值的順序顛倒了；請先回傳比例，再回傳零點。
points: 0.75
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = round(lowest - smallest / scale)
    return min(max(zero_point, lowest), highest), scale
