import torch
import torch.nn.functional as F


def quantized_linear(
    input,
    weight,
    bias,
    feature_bitwidth,
    weight_bitwidth,
    input_zero_point,
    output_zero_point,
    input_scale,
    weight_scale,
    output_scale,
):
    output = F.linear(input.float(), weight.float(), bias.float())
    output = output * (input_scale * weight_scale.flatten().view(1, -1) / output_scale)
    output = output + output_zero_point
    low, high = get_quantized_range(feature_bitwidth)
    return torch.clamp(torch.round(output), low, high).to(torch.int8)
