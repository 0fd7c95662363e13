"""A parameter, buffer, module or class may have any name: the export is the network, with its tensors by that name."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F

from grader.measure import artefact
from grader.measure.network import Network, run
from grader.sandbox.harness import decompose, export, exporter_private, layers
from tests import slices
from tests.unit.sandbox import exporter

OPERATORS = sorted({str(op).split(".")[1] for op in decompose.FRESH_OPERATORS | decompose.VIEW_OPERATORS})
OF_THE_GRAPH = [
    *("images", "logits", "x", "input", "output", "model", "batch", "s77", "main_graph", "getitem", "sym_size_int_1"),
    *("val_0", "val_1", "val_2", "node_add", "add_1", "mul_1", "mean_1", "lifted_tensor_0", "c_lifted_tensor_0"),
    *(
        "p_add",
        "p_model_add",
        "b_mean",
        "model_add",
        "p_x",
        "p_p_add",
        "add_",
        "_add",
        "graph",
        "code",
        "meta",
        "recompile",
    ),
]
OTHERS = [
    *("__add__", "_", "__", "self_", "torch", "nn", "F", "os", "submission", "weight", "bias", "running_mean"),
    *("num_batches_tracked", "weight_orig", "weight_mask", "module", "_orig_mod", "state", "params", "einsum", "norm"),
    *("權重", "平均", "參數", "é", "μ", "a b", "a-b", "a_b", "a/b", "a'b", 'a"b', "a\nb", " ", "0", "1", "-1"),
    *("long" * 100, "long" * 100 + "er", "名" * 2000),
]
NAMES = list(dict.fromkeys([*OPERATORS, *OF_THE_GRAPH, *keyword.kwlist, *dir(builtins), *OTHERS]))
ALONE = [
    "mean",
    "add",
    "mul",
    "cat",
    "view",
    "conv2d",
    "images",
    "logits",
    "val_0",
    "val_1",
    "model",
    "class",
    "None",
    "權重",
]


class Net(nn.Module):
    """Multiplies by, and adds, each tensor of ``scales`` in between operators that name values of the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Linear(4, 11)

    def scales(self) -> list[Any]:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.first(x)[:, :2], F.relu(x)[:, :2]], 1)
        for scale in self.scales():
            x = scale(x) if isinstance(scale, nn.Module) else x + scale
        x = (x - x.mean((2, 3), keepdim=True)) * x / 2
        logits: torch.Tensor = self.last(F.max_pool2d(torch.sigmoid(x), 2).mean((2, 3)).view(-1, 4))
        return logits


class WithParameters(Net):
    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.own = names
        for name in names:
            self.register_parameter(name, nn.Parameter(torch.randn(1, 4, 1, 1) / 100))

    def scales(self) -> list[Any]:
        return [getattr(self, name) for name in self.own]


class WithBuffers(WithParameters):
    def __init__(self, names: list[str]) -> None:
        super().__init__([])
        self.own = names
        for position, name in enumerate(names):
            self.register_buffer(name, torch.randn(1, 4, 1, 1) / 100, persistent=position % 2 == 0)


class WithParametersInside(Net):
    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.inner = nn.Module()
        for name in names:
            self.inner.register_parameter(name, nn.Parameter(torch.randn(1, 4, 1, 1) / 100))

    def scales(self) -> list[Any]:
        return list(self.inner.parameters())


class WithModules(WithParameters):
    def __init__(self, names: list[str]) -> None:
        super().__init__([])
        self.own = names
        for name in names:
            self.add_module(name, nn.PReLU(4))


class WithClasses(Net):
    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(type(name, (nn.PReLU,), {})(4) for name in names)

    def scales(self) -> list[Any]:
        return list(self.layers)


@pytest.fixture(scope="module", autouse=True)
def _as_in_the_fork_server() -> Iterator[None]:
    """Export by the shorter way, with tables that are made once."""
    with exporter.restored():
        exporter_private.cache_exporter_tables(layers.DECOMPOSITIONS)
        exporter_private.replace_decomposition(export.decompose_program)
        yield


Kind = Callable[[list[str]], Net]
KINDS: tuple[Kind, ...] = (WithParameters, WithBuffers, WithParametersInside, WithModules, WithClasses)


@pytest.mark.parametrize("kind", slices.every(4, KINDS))
def test_hundreds_of_names_in_one_network(kind: Kind) -> None:
    check(kind([name for name in NAMES if kind is WithClasses or not hasattr(nn.Module, name)]))


@pytest.mark.parametrize("kind", slices.every(5, KINDS))
def test_names_in_a_network_that_is_decomposed_in_the_librarys_way(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompose, "decompose_in_place", lambda program: False)
    check(kind([*ALONE, "graph", "code", "lambda", "a b"]))


@pytest.mark.parametrize(
    ("kind", "name"),
    [*((WithParameters, name) for name in ALONE), (WithBuffers, "mean"), (WithParametersInside, "mean")],
)
def test_one_name_alone(kind: Kind, name: str) -> None:
    check(kind([name]))


def test_names_that_exporters_give_to_one_another() -> None:
    """The exporter calls ``add`` ``p_add`` for a while; that name may be taken by another parameter."""
    for names in (["p_add", "add"], ["add", "p_add"], ["p_model_add", "add"], ["b_add", "add", "model_add"]):
        check(WithParameters(names))


def test_weights_are_put_in_place_under_every_name() -> None:
    model = WithParameters(ALONE).eval()
    network = Network(export.onnx_bytes(model, [3, 8, 8], dynamic=True), list(model.state_dict()))
    torch.manual_seed(1)
    weights = {name: torch.randn_like(value).numpy() for name, value in model.state_dict().items()}
    fit = network.load(weights)
    assert fit.is_complete, fit
    assert fit.loaded == len(weights)
    assert not fit.unexpected
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    assert_same(model, network.pruned_artefact(0.0))
    assert network.convolutions() == ["first.weight"]


def test_missing_weight_of_a_very_long_name_is_noticed() -> None:
    long = "long" * 100
    model = WithParameters([long]).eval()
    names = [name[:200] for name in model.state_dict()]
    network = Network(export.onnx_bytes(model, [3, 8, 8], dynamic=True), names)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    assert network.load(weights).is_complete
    del weights[long]
    assert network.load(weights).missing == [long]


def check(model: nn.Module) -> None:
    """The export answers as the live model does, and carries the model's tensors by name and nothing else."""
    model.eval()
    exported = export.onnx_bytes(model, [3, 8, 8], dynamic=True)
    audit = artefact.audit(exported)
    assert not audit.refused
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    assert audit.parameters == sum(tensor.numel() for tensor in own.values())
    assert audit.constants == audit.statistics == 0
    tensors = Network(exported, []).tensors
    assert {name: list(tensors[name].dims) for name in own} == {name: list(value.shape) for name, value in own.items()}
    assert_same(model, exported)


def assert_same(model: nn.Module, exported: bytes) -> None:
    images = np.random.default_rng(0).standard_normal((3, 3, 8, 8), dtype=np.float32)
    answer = run(exported, images, len(images), threads=1)
    with torch.no_grad():
        np.testing.assert_allclose(answer, model(torch.from_numpy(images.copy())).numpy(), rtol=1e-4, atol=1e-5)
