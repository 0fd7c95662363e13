"""
en: The zero point is cut off instead of rounded. Use `int(round(...))`.
zh-Hant: 零點被直接截去小數，而不是四捨五入；請用 `int(round(...))`。
points: 0.75
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = int(lowest - smallest / scale)
    return scale, min(max(zero_point, lowest), highest)
