"""The requests about a model: build it, count it, run it, list its layers. Runs beside the student's code."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torchinfo

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness.student_module import StudentModule
from grader.sandbox.harness.torch_private import NormWithStatistics, without_overrides

MAX_ROWS, MAX_NAMES, MAX_OBJECTS, MAX_OUTPUT = 2000, 50, 100_000, 1 << 20

_Tensor, _Parameter, _Module = torch.Tensor, torch.nn.Parameter, torch.nn.Module
_numel, _detach = torch.Tensor.numel, torch.Tensor.detach
_attribute = object.__getattribute__
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Buffers of batch norm and instance norm, which do not count as hidden numbers."""


def build(student_module: StudentModule, meta: dict[str, Any]) -> Answer:
    """Call the entry point. Answers ``missing`` when there is none, else the type and whether it is a module."""
    entry = str(meta["entry"])
    if entry not in student_module.namespace:
        return {"missing": True}, []
    model = call_entry_point(student_module, entry)
    student_module.model = model if isinstance(model, _Module) else None
    return {"missing": False, "type": type(model).__name__[:100], "module": isinstance(model, _Module)}, []


def call_entry_point(student_module: StudentModule, entry: str) -> Any:
    """The value that the entry point returns; a model bound to that name is returned itself."""
    value = student_module.namespace[entry]
    return value if isinstance(value, _Module) else value()


def _copy(student_module: StudentModule, entry: str) -> Any:
    """A second model that shares no weight with the first; some submissions return one global model each time."""
    model = call_entry_point(student_module, entry)
    assert student_module.model is not None
    weights = {id(p) for p in student_module.model.parameters()}
    return copy.deepcopy(student_module.model) if any(id(p) in weights for p in model.parameters()) else model


def count(student_module: StudentModule) -> Answer:
    """Elements of the distinct parameters, and of every other tensor or array that the model refers to."""
    assert student_module.model is not None
    parameters: dict[int, Any] = {}
    names: list[str] = []
    learned: list[str] = []
    statistics: set[int] = set()
    for prefix, module in _modules(student_module.model):
        for name, value in _parameters(module).items():
            parameters[id(value)] = value
            names.append(f"{prefix}.{name}".lstrip(".")[:200])
            learned += names[-1:] if value.requires_grad else []
        if isinstance(module, NormWithStatistics):
            buffers = _attribute(module, "__dict__").get("_buffers", {})
            statistics |= {id(buffers[name]) for name in _STATISTICS if name in buffers}
    with without_overrides():
        total = sum(_numel(p) for p in parameters.values())
        trainable = sum(_numel(p) for p in parameters.values() if p.requires_grad)
    counted = parameters.keys() | statistics
    reached = list(_tensors(student_module.model))
    hidden = [tensor for tensor in reached if tensor.identity not in counted]
    unregistered = [tensor for tensor in hidden if tensor.is_parameter]
    answer = {
        "parameters": total,
        "trainable": trainable,
        "tensors": len(parameters),
        "names": names[:5000],
        "learned": learned[:5000],
        "hidden_numbers": sum(tensor.size for tensor in hidden),
        "hidden": [[tensor.name[:200], tensor.size] for tensor in hidden[:MAX_NAMES]],
        "unregistered": sum(tensor.size for tensor in unregistered),
        "unregistered_names": [tensor.name[:200] for tensor in unregistered[:MAX_NAMES]],
        "others": _other_modules({tensor.identity for tensor in reached}, total)[:MAX_NAMES],
    }
    return answer, []


def _other_modules(known: set[int], size: int) -> list[list[Any]]:
    """Type of every living module, and the number of its parameters that are not ``known``.

    A module of this ``size`` is another copy of the model, and left out. What was imported before the student's code is
    frozen, so the collector does not list it.
    """
    alive = [value for value in gc.get_objects() if isinstance(value, _Module)]
    parts = {id(part) for module in alive for name, part in _modules(module) if name}
    others = []
    for module in alive:
        if id(module) not in parts:
            values = {id(value): value for _, part in _modules(module) for value in _parameters(part).values()}
            with without_overrides():
                number = sum(_numel(value) for identity, value in values.items() if identity not in known)
            others += [[type(module).__name__[:100], number]] if number not in (0, size) else []
    return others


def _parameters(module: Any) -> dict[str, Any]:
    """A module's own parameters by name."""
    parameters = _attribute(module, "__dict__").get("_parameters", {})
    return {name: value for name, value in parameters.items() if isinstance(value, _Tensor)}


def forward(student_module: StudentModule, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """One forward pass without gradients in the given mode."""
    assert student_module.model is not None
    student_module.model.train(meta["mode"] == "train")
    with torch.no_grad():
        return _output(student_module.model(torch.from_numpy(arrays[0].copy())))


def train_step(student_module: StudentModule, arrays: tuple[Array, ...]) -> Answer:
    """Forward and backward in train mode, with a random output gradient; answers which parameters it reached."""
    assert student_module.model is not None
    model = student_module.model.train()
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    for _, parameter in trainable:
        parameter.grad = None
    output = model(torch.from_numpy(arrays[0].copy()))
    logits = logits_of(output)
    answer, out = _output(logits)
    answer["kind"] = _output(output)[0]["kind"]
    has_gradient = bool(out) and logits.requires_grad
    if has_gradient:
        logits.backward(torch.randn(logits.shape, dtype=logits.dtype))
    unused = [name[:200] for name, p in trainable if not has_gradient or p.grad is None]
    reached = len(trainable) - len(unused)
    return {**answer, "reached": reached, "tensors": len(trainable), "unused": unused[:MAX_NAMES]}, out


def logits_of(output: Any) -> Any:
    """The logits in a model's output; networks with auxiliary heads return them first."""
    return output[0] if isinstance(output, list | tuple) and output else output


def layers(student_module: StudentModule, meta: dict[str, Any]) -> Answer:
    """torchinfo's table of a fresh copy, and the total that the package torchsummary would print for it.

    The copy is built on the meta device, where a pass costs nothing; a model that reads values while it is built or run
    (``.item()``) fails there and is run on the CPU.
    """
    shape = [int(meta["batch"]), *(int(n) for n in meta["input_shape"])]
    try:
        return _table(student_module, str(meta["entry"]), shape, "meta"), []
    except Exception:  # a student's code may raise anything on the meta device
        return _table(student_module, str(meta["entry"]), shape, "cpu"), []


def _table(student_module: StudentModule, entry: str, shape: list[int], device: str) -> dict[str, Any]:
    with torch.device(device), contextlib.redirect_stdout(io.StringIO()):
        model = _copy(student_module, entry)
        x = torch.zeros(shape)
        torchsummary_rows: list[tuple[str, list[int], int]] = []
        counted: set[int] = set()
        handles = [
            module.register_forward_hook(_torchsummary_hook(torchsummary_rows, counted))
            for _, module in _modules(model)
            if module is not model and not isinstance(module, torch.nn.Sequential | torch.nn.ModuleList)
        ]
        with torch.no_grad():
            statistics = torchinfo.summary(
                model,
                input_data=x,
                device=device,
                verbose=0,
                mode="eval",
                col_names=("output_size", "num_params", "mult_adds"),
            )
        for handle in handles:
            handle.remove()
    rows = [
        {
            "depth": int(layer.depth),
            "name": str(layer.var_name)[:100],
            "type": str(layer.class_name)[:100],
            "output_shape": [int(n) for n in layer.output_size[:8]],
            "parameters": int(layer.num_params),
            "mult_adds": int(layer.macs),
            "leaf": bool(layer.is_leaf_layer),
        }
        for layer in statistics.summary_list[:MAX_ROWS]
    ]
    called = {layer.layer_id for layer in statistics.summary_list}
    idle = [
        [type(module).__name__[:100], sum(_numel(p) for p in module.parameters())]
        for _, module in _modules(model)
        if id(module) not in called and not any(True for _ in module.children())
    ]
    uncounted = [
        (f"{prefix}.{name}".lstrip(".")[:200], int(_numel(value)), bool(value.requires_grad))
        for prefix, module in _modules(model)
        for name, value in _parameters(module).items()
        if id(value) not in counted
    ]
    uncounted = sorted(uncounted, key=lambda row: -row[1])[:500]
    return {
        "how": device,
        "uncounted": [[name, size] for name, size, _ in uncounted],
        "uncounted_trainable": [name for name, _, is_trainable in uncounted if is_trainable],
        "idle": idle[:MAX_ROWS],
        "rows": rows,
        "mult_adds": int(statistics.total_mult_adds),
        "parameters": int(statistics.total_params),
        "torchsummary_total": sum(size for _, _, size in torchsummary_rows),
        "torchsummary_rows": [[kind[:100], shape, size] for kind, shape, size in torchsummary_rows[:MAX_ROWS]],
    }


def _torchsummary_hook(rows: list[tuple[str, list[int], int]], counted: set[int]) -> Any:
    """Record torchsummary's row of each call, and the tensors that it counts: ``weight`` and ``bias`` of the module."""

    def hook(module: Any, inputs: Any, output: Any) -> None:
        size = 0
        for name in ("weight", "bias"):
            value = getattr(module, name, None)
            if isinstance(value, _Tensor):
                size += _numel(value)
                counted.add(id(value))
        first = logits_of(output)
        shape = [-1, *first.shape[1:]] if isinstance(first, _Tensor) else []
        rows.append((type(module).__name__, [int(n) for n in shape], size))

    return hook


def _output(output: Any) -> Answer:
    if not isinstance(output, _Tensor):
        return {"kind": type(output).__name__[:100]}, []
    with without_overrides():
        shape = [int(n) for n in output.shape[:8]]
        if output.is_complex() or _numel(output) > MAX_OUTPUT:
            return {"kind": "tensor", "shape": shape}, []
        return {"kind": "tensor", "shape": shape}, [np.array(_detach(output).to(torch.float32).contiguous().numpy())]


def _modules(model: Any) -> Iterator[tuple[str, Any]]:
    """Every distinct module of ``model`` by name, read without attributes that the student's classes override."""
    seen: set[int] = set()
    stack = [("", model)]
    while stack:
        name, module = stack.pop()
        if id(module) in seen or not isinstance(module, _Module):
            continue
        seen.add(id(module))
        yield name, module
        children = _attribute(module, "__dict__").get("_modules", {})
        stack += [(f"{name}.{key}".lstrip("."), child) for key, child in children.items() if child is not None]


class _Numbers(NamedTuple):
    """A tensor or an array that a model refers to."""

    name: str
    identity: int
    size: int
    is_parameter: bool


def _tensors(model: Any) -> Iterator[_Numbers]:
    """Every tensor or array in attributes and containers."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", model)]
    while stack and len(seen) < MAX_OBJECTS:
        name, value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _Tensor):
            with without_overrides():
                yield _Numbers(name, id(value), _numel(value), isinstance(value, _Parameter))
        elif isinstance(value, np.ndarray):
            yield _Numbers(name, id(value), int(value.size), False)
        elif isinstance(value, dict):
            stack += [(f"{name}.{key}".lstrip("."), item) for key, item in value.items()]
        elif isinstance(value, list | tuple | set | frozenset):
            stack += [(f"{name}.{i}".lstrip("."), item) for i, item in enumerate(value)]
        elif isinstance(value, _Module) or type(value).__module__ == "submission":
            attributes = getattr(value, "__dict__", {})
            flat = ("_parameters", "_buffers", "_modules")
            for key, item in attributes.items():
                inner = item.items() if key in flat and isinstance(item, dict) else [(key, item)]
                stack += [(f"{name}.{k}".lstrip("."), v) for k, v in inner]
