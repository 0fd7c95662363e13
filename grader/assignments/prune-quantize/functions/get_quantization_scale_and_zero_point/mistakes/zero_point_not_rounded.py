"""
en: The zero point is not rounded. It is a quantized number, so it must be whole: use `int(round(...))`.
zh-Hant: 零點沒有取整；它是量化後的數值，必須是整數，請用 `int(round(...))`。
points: 0.75
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = lowest - smallest / scale
    return scale, min(max(zero_point, lowest), highest)
