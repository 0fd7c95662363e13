import torch


def quantized_linear(x, w, b, act_bits, w_bits, zx, zy, sx, sw, sy):
    y = x.to(torch.int32) @ w.to(torch.int32).t() + b
    y = torch.round(y * sx / sy * sw.view(1, -1)) + zy
    return y.clamp(-(2 ** (act_bits - 1)), 2 ** (act_bits - 1) - 1).to(torch.int8)
