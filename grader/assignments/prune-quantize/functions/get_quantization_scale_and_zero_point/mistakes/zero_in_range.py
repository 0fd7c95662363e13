"""
en: The range of values is widened to contain 0. The task asks for the tensor's own smallest and largest value;
    clamp the zero point instead.
zh-Hant: 數值範圍被擴大到包含 0；題目要求使用張量自己的最小值與最大值，並改為截斷零點。
points: 0.5
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    smallest, largest = min(smallest, 0.0), max(largest, 0.0)
    scale = (largest - smallest) / (highest - lowest)
    zero_point = round(lowest - smallest / scale)
    return scale, min(max(zero_point, lowest), highest)
