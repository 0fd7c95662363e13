def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    """Quantize to ``round(fp_tensor / scale) + zero_point``, clamped to the signed range of ``bitwidth`` bits."""
    shifted = torch.round(fp_tensor.double() / scale) + zero_point
    return shifted.clamp(*get_quantized_range(bitwidth)).to(dtype)
