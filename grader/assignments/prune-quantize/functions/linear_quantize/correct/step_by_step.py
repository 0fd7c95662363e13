import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8) -> torch.Tensor:
    assert fp_tensor.dtype == torch.float
    assert isinstance(scale, float) or (scale.dtype == torch.float and scale.dim() == fp_tensor.dim())
    assert isinstance(zero_point, int) or (zero_point.dtype == dtype and zero_point.dim() == fp_tensor.dim())
    scaled_tensor = fp_tensor / scale
    rounded_tensor = torch.round(scaled_tensor).to(dtype)
    shifted_tensor = rounded_tensor + zero_point
    quantized_min, quantized_max = get_quantized_range(bitwidth)
    return shifted_tensor.clamp_(quantized_min, quantized_max)
