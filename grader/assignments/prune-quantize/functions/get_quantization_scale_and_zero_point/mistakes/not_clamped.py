"""
en: For tensors whose values all have one sign, the zero point leaves the range. Clamp it to the ends of the
    quantized range.
zh-Hant: 若張量的數值全都同號，零點會超出範圍；請把它截斷到量化範圍的兩端。
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    return scale, round(lowest - smallest / scale)
