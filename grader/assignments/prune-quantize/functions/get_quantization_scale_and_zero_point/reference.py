def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    """The scale and zero point that map the tensor's smallest and largest value to the ends of the signed range."""
    lowest, highest = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (highest - lowest)
    zero_point = round(lowest - smallest / scale)
    return scale, min(max(zero_point, lowest), highest)
