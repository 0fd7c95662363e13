"""
en: The zero point has the opposite sign. From r_min = S (q_min - Z) follows Z = q_min - r_min / S.
zh-Hant: 零點的正負號相反；由 r_min = S (q_min - Z) 可得 Z = q_min - r_min / S。
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = round(smallest / scale - lowest)
    return scale, min(max(zero_point, lowest), highest)
