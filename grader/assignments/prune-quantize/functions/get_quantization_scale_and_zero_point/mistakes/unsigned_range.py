"""
en: The zero point belongs to the range of unsigned numbers, from 0 to 2^b - 1. Signed numbers go from -2^(b-1) to
    2^(b-1) - 1.
zh-Hant: 這個零點屬於無號數的範圍 0 到 2^b - 1；有號數的範圍是 -2^(b-1) 到 2^(b-1) - 1。
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = round(-smallest / scale)
    return scale, min(max(zero_point, 0), 2**bitwidth - 1)
