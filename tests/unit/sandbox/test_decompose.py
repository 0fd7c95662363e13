"""The shorter way to ONNX's operators gives the same network as the library's, or is not taken."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.export import ExportedProgram

from grader.measure.network import run
from grader.sandbox.harness import decompose, export, exporter_private, torch_private
from tests import slices
from tests.unit.sandbox import exporter

SIDE = 32
CONV = "self.a = nn.Conv2d(3, 8, 3, stride=2)\nself.b = nn.Conv2d(8, 8, 3, padding=1)\nself.f = nn.Linear(8, 11)\n"
MEAN = "return self.f(x.mean((2, 3)))"

SHORT = {
    "the usual": (
        CONV + "self.n = nn.BatchNorm2d(8)\nself.d = nn.Dropout(0.5)",
        "x = F.relu(self.n(self.a(x)))\nx = F.max_pool2d(x, 2)\n"
        "return self.f(self.d(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)))",
    ),
    "padding by name": (
        "self.a = nn.Conv2d(3, 8, 3, padding='same')\n"
        "self.b = nn.Conv2d(8, 8, 5, padding='same', dilation=2, groups=8, bias=False)\n"
        "self.c = nn.Conv2d(8, 8, (3, 1), padding='valid', stride=2)\nself.f = nn.Linear(8, 11)",
        f"x = self.c(self.b(self.a(x)))\n{MEAN}",
    ),
    "activations": (
        CONV + "self.p = nn.PReLU(8)\nself.g = nn.GroupNorm(2, 8)",
        "x = self.a(x)\nfor f in (F.elu, F.celu, F.mish, F.silu, F.gelu, F.hardsigmoid, F.hardswish, F.hardtanh):\n"
        "    x = f(x * 2 - 1) + x\nfor f in (F.leaky_relu, F.relu6, torch.tanh, torch.sigmoid):\n    x = f(x) / 3\n"
        "return F.log_softmax(self.f(self.p(self.g(x)).amax((2, 3))), 1)",
    ),
    "in place": (
        CONV + "self.n = nn.BatchNorm2d(8)",
        "x = self.a(x)\nfor f in (F.elu, F.silu, F.hardsigmoid, F.hardswish, F.hardtanh, F.leaky_relu, F.relu6):\n"
        "    x = f(self.n(self.b(x)), inplace=True)\ny = self.b(x)\ny += x\ny *= 0.5\ny.add_(x, alpha=3)\n"
        "y.tanh_()\ny.sigmoid_()\nx = F.relu(y, inplace=True)\n" + MEAN,
    ),
    "written over and read by the old name": (CONV, f"x = self.a(x)\ny = F.relu(x, inplace=True)\nx = x + y\n{MEAN}"),
    "a copy written over": (CONV, f"x = self.a(x)\ny = F.relu(x.clone(), inplace=True)\nx = x + y * 2\n{MEAN}"),
    "views": (
        "self.a = nn.Conv2d(12, 8, 3, stride=2)\nself.f = nn.Linear(8, 11)\nself.l = nn.LayerNorm(8)\n"
        "self.w = nn.Parameter(torch.randn(8, 8))",
        "x = torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)\n"
        "x = self.a(x).flatten(2).transpose(1, 2)\nx = self.l(x @ self.w).permute(0, 2, 1)\n"
        "return self.f(x[:, :, 0].contiguous() * x.mean(2).unsqueeze(2).squeeze(-1).view(x.size(0), -1))",
    ),
    "shuffled channels": (
        CONV,
        "x = self.a(x)\nb, c, h, w = x.size()\n"
        "x = x.view(b, 4, c // 4, h, w).transpose(1, 2).contiguous().view(b, -1, h, w)\n" + MEAN,
    ),
    "pixels": (
        "self.a = nn.Conv2d(48, 16, 3, padding=1)\nself.f = nn.Linear(4, 11)",
        "x = F.pixel_shuffle(self.a(F.pixel_unshuffle(x, 4)), 2)\nx = F.interpolate(x, scale_factor=2)\n"
        "x = F.interpolate(x, size=(16, 16), mode='bilinear')\nreturn self.f(F.avg_pool2d(x, 16).flatten(1))",
    ),
    "dropout of channels, and as the last": (
        CONV + "self.d = nn.Dropout2d(0.3)",
        "x = self.d(self.a(x))\nreturn F.dropout(self.f(x.mean((2, 3))), 0.2, self.training)",
    ),
    "ends in a view": ("self.a = nn.Conv2d(3, 11, 3)", "return F.adaptive_avg_pool2d(self.a(x), 1).flatten(1)"),
    "ends in a batch norm": (
        "self.a = nn.Conv2d(3, 11, 3)\nself.b = nn.BatchNorm1d(11)",
        "return self.b(self.a(x).mean((2, 3)))",
    ),
    "a batch norm without weights": (
        "self.a = nn.Conv2d(3, 11, 3)\nself.b = nn.BatchNorm2d(11, affine=False)",
        "return self.b(self.a(x)).mean((2, 3))",
    ),
}
LONG = {
    "a view of what is written over": (
        CONV,
        "x = self.a(x)\nv = x.flatten(2)\nF.relu(x, inplace=True)\nreturn self.f(v.mean(2))",
    ),
    "a slice written over": (CONV, f"x = self.a(x)\nx[:, :4] *= 0.5\n{MEAN}"),
    "the input written over": (CONV, f"x.mul_(2)\nx = self.a(x)\n{MEAN}"),
    "one pixel shuffled, which copies nothing": (
        CONV,
        f"x = self.a(x)\ny = F.pixel_shuffle(x, 1)\nF.relu(y, inplace=True)\nx = x + y\n{MEAN}",
    ),
    "unlike ends": ("self.a = nn.Conv2d(3, 8, 4, padding='same')\nself.f = nn.Linear(8, 11)", f"x = self.a(x)\n{MEAN}"),
    "statistics of the batch": (
        CONV + "self.n = nn.BatchNorm2d(8, track_running_stats=False)",
        f"x = self.n(self.a(x))\n{MEAN}",
    ),
    "pooled to more than one": (CONV, f"x = F.adaptive_avg_pool2d(self.a(x), 5)\n{MEAN}"),
    "an operator that it does not know": (CONV, f"x = self.a(x)\nx = torch.where(x > 0, x, x * 0.1)\n{MEAN}"),
    "pieces": (CONV, f"x, y = self.a(x).chunk(2, 1)\nx = torch.cat([F.relu(x), y], 1)\n{MEAN}"),
}


def network(init: str, forward: str) -> nn.Module:
    """A model of this constructor and this forward, in eval mode, with statistics unlike a fresh model's."""
    source = (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{textwrap.indent(init.strip(), ' ' * 8)}\n    def forward(self, x):\n{textwrap.indent(forward, ' ' * 8)}\n"
    )
    namespace: dict[str, Any] = {"nn": nn, "F": F, "torch": torch}
    exec(source, namespace)
    torch.manual_seed(3)
    model: nn.Module = namespace["Net"]().eval()
    for module in model.modules():
        if isinstance(module, torch_private.NormWithStatistics) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each export, whether the short way was taken."""
    ways: list[bool] = []

    def record_way(program: ExportedProgram) -> bool:
        ways.append(decompose_in_place(program))
        return ways[-1]

    decompose_in_place = decompose.decompose_in_place
    monkeypatch.setattr(decompose, "decompose_in_place", record_way)
    with exporter.restored():
        exporter_private.replace_decomposition(export.decompose_program)
        yield ways


def by_the_library(model: nn.Module) -> bytes:
    with exporter.restored():
        exporter_private.replace_decomposition(exporter_private.library_decomposition)
        return export.onnx_bytes(model, [3, SIDE, SIDE], dynamic=True)


def tensors(network: bytes) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((one.name, tuple(one.dims)) for one in onnx.load_from_string(network).graph.initializer)


@pytest.mark.parametrize(
    ("init", "forward", "short"),
    slices.every(
        5,
        [(*body, is_short) for table, is_short in ((SHORT, True), (LONG, False)) for body in table.values()],
        [*SHORT, *LONG],
    ),
)
def test_the_network_is_that_of_the_librarys_way_and_of_the_model(
    init: str, forward: str, short: bool, ways: list[bool]
) -> None:
    model = network(init, forward)
    exported = export.onnx_bytes(model, [3, SIDE, SIDE], dynamic=True)
    assert ways == [short]
    expected = by_the_library(model)
    assert tensors(exported) == tensors(expected)
    for batch in (1, 3):
        images = np.random.default_rng(batch).standard_normal((batch, 3, SIDE, SIDE), dtype=np.float32)
        answer = run(exported, images, batch, threads=1)
        np.testing.assert_allclose(answer, run(expected, images, batch, threads=1), rtol=1e-5, atol=1e-6)
        with torch.no_grad():
            live = model(torch.from_numpy(images.copy()))
        np.testing.assert_allclose(answer, live.numpy(), rtol=1e-4, atol=1e-5)


def test_padding_by_name_is_padding_by_numbers() -> None:
    model = network(*SHORT["padding by name"])
    images = torch.randn(2, 3, SIDE, SIDE)
    program = torch.export.export(model, (images,))
    assert decompose.decompose_in_place(program)
    convolutions = [node for node in program.graph.nodes if node.target is torch.ops.aten.conv2d.default]
    assert [list(node.args[4]) for node in convolutions] == [[1, 1], [4, 4], [0, 0]]
