"""Layers as the exporter gets them are the layers as they are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from grader.sandbox.harness.layers import DECOMPOSITIONS


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (7, 3), (13, 17)])
def test_adaptive_max_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, 13, 17, generator=torch.Generator().manual_seed(1))
    pooled, _ = DECOMPOSITIONS[torch.ops.aten.adaptive_max_pool2d.default](x, list(size))
    assert torch.equal(pooled, nn.AdaptiveMaxPool2d(size)(x))


def test_randomised_leaky_relu() -> None:
    x = torch.linspace(-2, 2, 9)
    layer = nn.RReLU(0.1, 0.4).eval()
    rrelu = DECOMPOSITIONS[torch.ops.aten.rrelu_with_noise_functional.default]
    assert torch.allclose(rrelu(x, x, layer.lower, layer.upper, layer.training)[0], layer(x))
    with pytest.raises(NotImplementedError):
        rrelu(x, x, 0.1, 0.4, True)
