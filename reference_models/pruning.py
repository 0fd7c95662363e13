"""Pruning as the homework teaches it, by PyTorch's own functions: the reference curve of reports."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils import prune

from reference_models.training import Images, accuracy, logits

RATIOS = tuple(step / 20 for step in range(20))
"""0 to 0.95, the twenty points of the homework's plot."""


def prune_convolutions(network: nn.Module, ratio: float) -> nn.Module:
    """A copy in which the share ``ratio`` of each ``nn.Conv2d``'s weights, the smallest, is zero."""
    result = copy.deepcopy(network)
    for module in result.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, "weight", amount=ratio)  # type: ignore[no-untyped-call]
            prune.remove(module, "weight")  # type: ignore[no-untyped-call]
    return result


def curve(network: nn.Module, images: Images, labels: torch.Tensor) -> list[dict[str, float]]:
    """``{"ratio", "accuracy"}`` for each of `RATIOS`; each starts from the unpruned network."""
    return [
        {"ratio": ratio, "accuracy": accuracy(logits(prune_convolutions(network, ratio), images), labels)}
        for ratio in RATIOS
    ]
