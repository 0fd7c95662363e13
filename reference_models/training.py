"""Training of the reference networks: augmented pictures, one cycle of the learning rate, fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

Images = torch.Tensor
"""Normalised images ``(N, 3, H, W)``."""
BatchLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From the logits ``(B, classes)`` of a batch and the batch's indices ``(B,)`` to a scalar."""


@dataclass(frozen=True)
class Schedule:
    """AdamW with a one-cycle learning rate (Smith and Topin 2018, arXiv 1708.07120)."""

    epochs: int
    learning_rate: float
    batch: int
    weight_decay: float
    seed: int


def train(
    network: nn.Module, images: Images, loss: BatchLoss, schedule: Schedule, report: Callable[[int, float], None]
) -> None:
    """Train in place. ``report`` gets each epoch, from 1, and its mean loss. Incomplete batches are skipped."""
    network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # a third quicker on a CPU
    generator = torch.Generator().manual_seed(schedule.seed)
    steps = len(images) // schedule.batch
    optimiser = torch.optim.AdamW(network.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=schedule.epochs * steps, pct_start=0.25
    )
    for epoch in range(1, schedule.epochs + 1):
        total = 0.0
        order = torch.randperm(len(images), generator=generator)[: steps * schedule.batch]
        for batch in order.view(steps, schedule.batch):
            value = loss(network(augment(images[batch], generator)), batch)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
            total += value.item()
        report(epoch, total / steps)


def augment(images: Images, generator: torch.Generator) -> Images:
    """Rotate, scale, shift, mirror (half of them), change the light, and blank a rectangle of each image."""
    count, _, height, width = images.shape

    def between(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    turn, scale = between(-0.35, 0.35), between(0.8, 1.2)
    mirror = torch.where(between(0, 1) < 0.5, 1.0, -1.0)
    rows = [
        torch.stack([mirror * scale * turn.cos(), -scale * turn.sin(), between(-0.15, 0.15)], 1),
        torch.stack([mirror * scale * turn.sin(), scale * turn.cos(), between(-0.15, 0.15)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    images = images * between(0.8, 1.25, 3, 1, 1) + between(-0.3, 0.3, 3, 1, 1)
    across = torch.arange(width) / width - between(0, 1, 1)
    down = torch.arange(height) / height - between(0, 1, 1)
    side = between(0, 0.15, 1)
    hidden = (across.abs() < side)[:, None, None, :] & (down.abs() < side)[:, None, :, None]
    return images.masked_fill(hidden, 0.0)


def distillation(labels: torch.Tensor, teacher: torch.Tensor, alpha: float, temperature: float) -> BatchLoss:
    """Hinton et al. 2015 (arXiv 1503.02531): ``alpha T^2 KL(teacher_T || student_T) + (1 - alpha) CE``."""

    def loss(logits: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        soft = F.kl_div(
            F.log_softmax(logits / temperature, 1),
            F.log_softmax(teacher[batch] / temperature, 1),
            reduction="batchmean",
            log_target=True,
        )
        return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(logits, labels[batch])

    return loss


@torch.inference_mode()
def logits(network: nn.Module, images: Images) -> torch.Tensor:
    """Logits ``(N, classes)`` in eval mode; the batch size is fixed, so that the bits are reproducible."""
    network.eval()
    return torch.cat([network(batch) for batch in torch.split(images, 50)])


def accuracy(predicted: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of logits ``(N, classes)`` whose largest is at the label, from 0 to 1."""
    return math.fsum((predicted.argmax(1) == labels).tolist()) / len(labels)
