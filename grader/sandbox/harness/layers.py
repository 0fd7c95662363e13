"""Layers that the exporter to ONNX does not know, as operators that it does know.

Only an export uses them; the live model runs as PyTorch and torchvision define it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from grader.sandbox.harness import torch_private

_aten = torch.ops.aten


def _adaptive_max_pool2d(x: torch.Tensor, output_size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, C, H, W) to (N, C, *output_size), rows first, then columns; the indices are zeros."""
    for axis, parts in ((-2, output_size[0]), (-1, output_size[1])):
        size = x.shape[axis]
        edges = [(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]
        x = torch.cat([x.narrow(axis, first, last - first).amax(axis, keepdim=True) for first, last in edges], axis)
    return x, torch.zeros_like(x, dtype=torch.int64)


def _rrelu(
    x: torch.Tensor, noise: torch.Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Randomised leaky ReLU in eval mode: its slope is the mean of both."""
    if training:
        raise NotImplementedError("a network that draws random numbers is not exported")
    return torch.nn.functional.leaky_relu(x, (lower + upper) / 2), noise


DECOMPOSITIONS: dict[Any, Callable[..., tuple[torch.Tensor, torch.Tensor]]] = {
    _aten.adaptive_max_pool2d.default: _adaptive_max_pool2d,
    _aten.rrelu_with_noise_functional.default: _rrelu,
}


def make_normalize_exportable() -> None:
    """Let ``transforms.Normalize`` be exported: it looks for a zero deviation in a tensor, which no export can do."""

    def exportable(original: torch_private.Normalize) -> torch_private.Normalize:
        def normalize(tensor: torch.Tensor, mean: Any, std: Any, inplace: bool = False) -> torch.Tensor:
            if not torch.compiler.is_exporting() or not isinstance(std, list | tuple) or not all(std):
                return original(tensor, mean, std, inplace)
            shift, scale = (torch.as_tensor(values, dtype=tensor.dtype).view(-1, 1, 1) for values in (mean, std))
            return tensor.sub(shift).div(scale)

        return normalize

    torch_private.replace_normalize(exportable)
