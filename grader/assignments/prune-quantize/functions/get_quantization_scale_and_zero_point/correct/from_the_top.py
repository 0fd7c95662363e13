import torch


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    q_min, q_max = get_quantized_range(bitwidth)
    scale = (fp_tensor.max() - fp_tensor.min()) / (q_max - q_min)
    zero_point = torch.round(q_max - fp_tensor.max() / scale)
    return scale.item(), float(torch.clamp(zero_point, q_min, q_max))
