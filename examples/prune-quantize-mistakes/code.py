"""The eight functions of the homework, five of them with a mistake that many people make."""

from collections import namedtuple

import torch
import torch.nn.functional as F
from fast_pytorch_kmeans import KMeans

Codebook = namedtuple("Codebook", ["centroids", "labels"])


def get_quantized_range(bitwidth):
    quantized_max = (1 << (bitwidth - 1)) - 1
    return -quantized_max - 1, quantized_max


def fine_grained_prune(tensor: torch.Tensor, sparsity: float) -> torch.Tensor:
    if sparsity == 1.0:
        tensor.zero_()
        return torch.zeros_like(tensor)
    if sparsity == 0.0:
        return torch.ones_like(tensor)
    importance = tensor.abs()
    threshold = importance.view(-1).kthvalue(round(tensor.numel() * sparsity)).values
    mask = importance >= threshold
    tensor.mul_(mask)
    return mask


def get_num_channels_to_keep(channels: int, prune_ratio: float) -> int:
    return round(channels * (1 - prune_ratio))


def get_input_channel_importance(weight: torch.Tensor) -> torch.Tensor:
    return torch.stack([weight[channel].norm() for channel in range(weight.shape[0])])


def k_means_quantize(fp32_tensor: torch.Tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.set_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return codebook


def linear_quantize(fp_tensor, bitwidth, scale, zero_point, dtype=torch.int8) -> torch.Tensor:
    rounded = torch.round(fp_tensor / scale).to(dtype)
    low, high = get_quantized_range(bitwidth)
    return (rounded + zero_point).clamp(low, high)


def get_quantization_scale_and_zero_point(fp_tensor, bitwidth):
    low, high = get_quantized_range(bitwidth)
    smallest, largest = fp_tensor.min().item(), fp_tensor.max().item()
    scale = (largest - smallest) / (high - low)
    zero_point = int(low - smallest / scale)
    return scale, max(low, min(high, zero_point))


def shift_quantized_linear_bias(quantized_bias, quantized_weight, input_zero_point):
    return quantized_bias + quantized_weight.sum(1).to(torch.int32) * input_zero_point


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
    output = F.linear(input.to(torch.int32), weight.to(torch.int32), bias)
    output = output.float() * (input_scale * weight_scale.flatten() / output_scale)
    output = output.round() + output_zero_point
    return output.clamp(*get_quantized_range(feature_bitwidth)).to(torch.int8)
