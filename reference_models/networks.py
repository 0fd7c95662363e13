"""The two reference networks: the teacher that students' models learn from, and the homework's example of a student."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import nn

from reference_models import trained, vision
from reference_models.food11.menu import CLASSES

_BasicBlock = vision.load().models.resnet.BasicBlock
_Network = TypeVar("_Network", bound=nn.Module)


class Teacher(nn.Module):
    """ResNet-18 (He et al. 2016, arXiv 1512.03385) at about a third of its width, for small pictures.

    Two of torchvision's basic blocks a stage and its names, so that its weights read like those of ``resnet18``. The
    stem is one 3 x 3 convolution of stride 2 without pooling: ResNet-18's own would leave 16 x 16 of 64 x 64 pixels
    to the first stage. ``(N, 3, H, W)`` to logits ``(N, classes)``.
    """

    def __init__(self, width: int = 20, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 2)
        self.fc = nn.Linear(8 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of normalised images."""
        features = torch.relu(self.bn1(self.conv1(images)))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        logits: torch.Tensor = self.fc(features.mean((2, 3)))
        return logits


class BaselineStudent(nn.Module):
    """The homework's example of a student, 87,907 parameters: four 3 x 3 convolutions without padding, then the mean.

    ``(N, 3, H, W)`` to logits ``(N, 11)``, for images of 24 pixels or more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            *_convolution(3, 32),
            *_convolution(32, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            nn.MaxPool2d(2),
            *_convolution(64, 100),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1),
        )
        self.fc = nn.Sequential(nn.Linear(100, len(CLASSES)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of normalised images."""
        logits: torch.Tensor = self.fc(self.cnn(images).flatten(1))
        return logits


def _stage(width_in: int, width_out: int, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or width_in != width_out:
        shortcut = nn.Sequential(nn.Conv2d(width_in, width_out, 1, stride, bias=False), nn.BatchNorm2d(width_out))
    return nn.Sequential(_BasicBlock(width_in, width_out, stride, shortcut), _BasicBlock(width_out, width_out))


def _convolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, 3), nn.BatchNorm2d(channels_out), nn.ReLU()]


def trained_teacher() -> Teacher:
    """The teacher with its shipped weights, in eval mode, float32."""
    return with_weights(Teacher(), trained.TEACHER)


def trained_baseline_student() -> BaselineStudent:
    """The homework's student, distilled from the teacher, in eval mode, float32."""
    return with_weights(BaselineStudent(), trained.BASELINE_STUDENT)


def with_weights(network: _Network, weights: Path) -> _Network:
    """The network with the weights of a safetensors file, in eval mode."""
    network.load_state_dict(load_file(weights))
    return network.eval()
