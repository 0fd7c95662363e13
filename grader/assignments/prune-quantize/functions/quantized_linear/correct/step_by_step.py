import torch


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
    assert len(input.shape) == 2
    assert input.dtype == torch.int8
    assert weight.dtype == input.dtype
    assert bias is None or bias.dtype == torch.int32
    assert isinstance(input_zero_point, int)
    assert isinstance(output_zero_point, int)
    assert isinstance(input_scale, float)
    assert isinstance(output_scale, float)
    assert weight_scale.dtype == torch.float
    output = torch.nn.functional.linear(input.to(torch.int32), weight.to(torch.int32), bias)
    output = output.float()
    output *= (input_scale * weight_scale / output_scale).view(1, -1)
    output = output.round() + output_zero_point
    return output.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
