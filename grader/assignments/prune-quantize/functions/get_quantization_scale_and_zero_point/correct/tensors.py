import torch


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    q_min, q_max = -(2 ** (bitwidth - 1)), 2 ** (bitwidth - 1) - 1
    low, high = torch.aminmax(fp_tensor)
    scale = (high - low) / (q_max - q_min)
    return scale, (q_min - low / scale).round().clamp(q_min, q_max).int()
