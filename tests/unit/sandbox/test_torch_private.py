"""The private names of torch and torchvision still do what we rely on. Fails first when torch moves."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.export import ExportedProgram

from grader.sandbox.harness import export, exporter_private, layers, torch_private
from tests.unit.sandbox import exporter

ROOT = Path(__file__).parents[3]
LIBRARIES = {"torch", "torchvision", "torchinfo", "onnx", "onnx_ir", "onnxruntime", "onnxscript"}
DOCUMENTED = ("os._exit", "sys._getframe")


@pytest.mark.parametrize("package", torch_private.CHECKED_VERSIONS)
def test_the_private_names_were_checked_with_this_version(package: str) -> None:
    expected = torch_private.CHECKED_VERSIONS[package]
    current = version(package).partition("+")[0]
    assert current == expected, f"{package} moved from {expected} to {current}: follow docs/new-torch.md"


def test_a_subclass_of_tensor_runs_no_code_without_overrides() -> None:
    class Loud(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("an override ran")

    tensor = torch.zeros(3).as_subclass(Loud)
    with torch_private.without_overrides():
        assert tensor.numel() == 3
    with pytest.raises(AssertionError, match="an override ran"):
        tensor.numel()


@pytest.mark.parametrize("kind", ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "InstanceNorm2d"])
def test_layers_with_running_statistics_share_a_base_class(kind: str) -> None:
    layer = getattr(nn, kind)(3, track_running_stats=True)
    assert isinstance(layer, torch_private.NormWithStatistics)
    assert {"running_mean", "running_var", "num_batches_tracked"} == set(dict(layer.named_buffers()))


def test_an_exported_graph_consists_of_operators() -> None:
    program = torch.export.export(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (torch.zeros(2, 3),))
    operators = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert operators
    assert all(isinstance(target, exporter_private.Operator) for target in operators)


def test_batch_norm_in_eval_mode_has_an_operator() -> None:
    layer, images = nn.BatchNorm2d(3).eval(), torch.randn(2, 3, 4, 4)
    layer(images)
    parts = (images, layer.weight, layer.bias, layer.running_mean, layer.running_var, layer.momentum, layer.eps)
    assert torch.equal(exporter_private.BATCH_NORM(*parts)[0], layer(images))


def test_the_signature_follows_a_replaced_output() -> None:
    program = torch.export.export(nn.ReLU(), (torch.zeros(2, 3),))
    node = next(node for node in program.graph.nodes if node.op == "call_function")
    with exporter_private.signature_updates(program):
        with program.graph.inserting_after(node):
            replacement = program.graph.call_function(torch.ops.aten.sigmoid.default, (node.args[0],))
        replacement.meta = dict(node.meta)
        node.replace_all_uses_with(replacement)
        program.graph.erase_node(node)
    assert program.graph_signature.user_outputs == (replacement.name,)


@pytest.fixture
def restored() -> Iterator[None]:
    with exporter.restored():
        yield


@pytest.mark.usefixtures("restored")
def test_the_exporter_calls_the_decomposition_that_was_put_in_place_of_its_own() -> None:
    programs: list[ExportedProgram] = []

    def decomposition(program: ExportedProgram, registry: Any) -> ExportedProgram:
        programs.append(program)
        return exporter_private.library_decomposition(program, registry)

    exporter_private.replace_decomposition(decomposition)
    export.onnx_bytes(nn.Linear(3, 4), [3], dynamic=True)
    assert len(programs) == 1


@pytest.mark.usefixtures("restored")
def test_an_export_with_cached_tables_is_the_same_and_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **options: made.append(1) or make(**options)  # type: ignore[func-returns-value]

    registry = next(owner for owner, name in exporter_private.REPLACED if name == "from_torchlib")
    monkeypatch.setattr(registry, "from_torchlib", staticmethod(counted(registry.from_torchlib)))
    monkeypatch.setattr(torch.export, "default_decompositions", counted(torch.export.default_decompositions))
    exporter_private.replace_decomposition(export.decompose_program)
    # With an operator that only the library decomposes.
    modules = nn.ConvTranspose2d(3, 4, 3), nn.BatchNorm2d(4), nn.Hardswish(), nn.Flatten()
    model = nn.Sequential(*modules, nn.LazyLinear(11)).eval()
    model(torch.zeros(1, 3, 8, 8))
    fresh = export.onnx_bytes(model, [3, 8, 8], dynamic=True)
    assert len(made) == 2
    export.warm_up()
    assert len(made) == 4
    again = [export.onnx_bytes(model, [3, 8, 8], dynamic=True) for _ in range(2)]
    assert again == [fresh, fresh]
    assert len(made) == 4


def test_torchvision_normalizes_by_the_function_that_was_put_in_place_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reference_models import vision

    vision.load()
    from torchvision import transforms
    from torchvision.transforms import _functional_tensor

    monkeypatch.setattr(_functional_tensor, "normalize", _functional_tensor.normalize)
    layers.make_normalize_exportable()
    images = torch.rand(1, 3, 8, 8)
    model = nn.Sequential(transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]))
    exported = torch.export.export(model, (images,)).module()
    torch.testing.assert_close(exported(images), model(images))


def test_private_names_of_libraries_stand_in_two_files() -> None:
    paths = [path for folder in ("app", "grader", "reference_models") for path in (ROOT / folder).rglob("*.py")]
    own = {Path(torch_private.__file__), Path(exporter_private.__file__)}
    names = {str(path.relative_to(ROOT)): list(private_names(path)) for path in paths if path not in own}
    assert {path: current for path, current in names.items() if current} == {}


def private_names(path: Path) -> Iterator[str]:
    """Imports below a private name of a library, and in the harness every private attribute of another object."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
            own = names[0].startswith(("self.", "cls.")) or names[0] in DOCUMENTED
            if "harness" in path.parts and is_private(node.attr) and not own:
                yield names[0]
        yield from (name for name in names if name.split(".")[0] in LIBRARIES and any(map(is_private, name.split("."))))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
