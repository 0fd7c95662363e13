import numpy as np
import torch


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8):
    scale = scale.numpy() if torch.is_tensor(scale) else scale
    whole = np.rint(fp_tensor.numpy() / scale) + zero_point
    low, high = get_quantized_range(bitwidth)
    return torch.from_numpy(np.clip(whole, low, high)).to(dtype)
