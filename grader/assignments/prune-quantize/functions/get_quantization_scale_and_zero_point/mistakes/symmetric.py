"""
en: The scale is taken from the largest magnitude and the zero point is 0: that is symmetric quantization. Map the
    smallest and the largest value to the two ends of the range.
zh-Hant: 比例取自最大的絕對值，零點固定為 0，這是對稱量化；請把最小值與最大值對應到範圍的兩端。
"""


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    highest = get_quantized_range(bitwidth)[1]
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = max(abs(smallest), abs(largest)) / highest
    return scale, 0
