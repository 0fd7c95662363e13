"""
en: The range is divided by the number of values, 2^b. Between its ends there are 2^b - 1 steps: divide by
    `quantized_max - quantized_min`.
zh-Hant: 範圍除以了數值的個數 2^b；兩端之間只有 2^b - 1 步，請除以 `quantized_max - quantized_min`。
points: 0.5
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / 2**bitwidth
    zero_point = round(lowest - smallest / scale)
    return scale, min(max(zero_point, lowest), highest)
