"""The requests about a model: build it, count it, run it, list its layers. Runs beside the student's code."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator
from typing import Any

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


def build(place: StudentModule, meta: dict[str, Any]) -> Answer:
    """Call the entry point. Answers ``missing`` when there is none, else the type and whether it is a module."""
    entry = str(meta["entry"])
    if entry not in place.module.__dict__:
        return {"missing": True}, []
    model = made(place, entry)
    place.model = model if isinstance(model, _Module) else None
    return {"missing": False, "type": type(model).__name__[:100], "module": isinstance(model, _Module)}, []


def made(place: StudentModule, entry: str) -> Any:
    """What the entry point returns; a model under its name, without a function around it, is itself the answer."""
    value = place.module.__dict__[entry]
    return value if isinstance(value, _Module) else value()


def _copy(place: StudentModule, entry: str) -> Any:
    """A second model, which shares no weight with the first: hand-ins may return one global model again and again."""
    model = made(place, entry)
    assert place.model is not None
    weights = {id(p) for p in place.model.parameters()}
    return copy.deepcopy(place.model) if any(id(p) in weights for p in model.parameters()) else model


def count(place: StudentModule) -> Answer:
    """Elements of the distinct parameters, and of every other tensor or array that the model holds on to."""
    assert place.model is not None
    parameters: dict[int, Any] = {}
    names: list[str] = []
    statistics: set[int] = set()
    for prefix, module in _modules(place.model):
        for name, value in _attribute(module, "__dict__").get("_parameters", {}).items():
            if isinstance(value, _Tensor):
                parameters[id(value)] = value
                names.append(f"{prefix}.{name}".lstrip(".")[:200])
        if isinstance(module, NormWithStatistics):
            buffers = _attribute(module, "__dict__").get("_buffers", {})
            statistics |= {id(buffers[name]) for name in _STATISTICS if name in buffers}
    with without_overrides():
        total = sum(_numel(p) for p in parameters.values())
        trainable = sum(_numel(p) for p in parameters.values() if p.requires_grad)
    known = parameters.keys() | statistics
    hidden = [(name, size, own) for name, key, size, own in _tensors(place.model) if key not in known]
    unregistered = [(name, size) for name, size, own in hidden if own]
    answer = {
        "parameters": total,
        "trainable": trainable,
        "tensors": len(parameters),
        "names": names[:5000],
        "hidden_numbers": sum(size for _, size, _ in hidden),
        "hidden": [[name[:200], size] for name, size, _ in hidden[:MAX_NAMES]],
        "unregistered": sum(size for _, size in unregistered),
        "unregistered_names": [name[:200] for name, _ in unregistered[:MAX_NAMES]],
    }
    return answer, []


def forward(place: StudentModule, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """One forward pass without gradients in the given mode."""
    assert place.model is not None
    place.model.train(meta["mode"] == "train")
    with torch.no_grad():
        return _output(place.model(torch.from_numpy(arrays[0].copy())))


def train_step(place: StudentModule, arrays: tuple[Array, ...]) -> Answer:
    """Forward and backward in train mode, from a random direction; answers which parameters the gradient reached."""
    assert place.model is not None
    model = place.model.train()
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    for _, parameter in named:
        parameter.grad = None
    output = model(torch.from_numpy(arrays[0].copy()))
    first = logits_of(output)
    answer, out = _output(first)
    answer["kind"] = _output(output)[0]["kind"]
    output = first
    if not out or not output.requires_grad:
        return {
            **answer,
            "reached": 0,
            "tensors": len(named),
            "unused": [name[:200] for name, _ in named[:MAX_NAMES]],
        }, out
    output.backward(torch.randn(output.shape, dtype=output.dtype))
    unused = [name[:200] for name, p in named if p.grad is None]
    reached = len(named) - len(unused)
    return {**answer, "reached": reached, "tensors": len(named), "unused": unused[:MAX_NAMES]}, out


def logits_of(output: Any) -> Any:
    """The logits among what a model returns while it trains: networks with auxiliary heads return them first."""
    return output[0] if isinstance(output, list | tuple) and output else output


def layers(place: StudentModule, meta: dict[str, Any]) -> Answer:
    """torchinfo's table of a fresh copy, and the total that the package torchsummary would print for it.

    The copy is built on the meta device first, where a pass costs nothing; models that read values while they are
    built or run (``.item()``) are run on the CPU instead.
    """
    shape = [int(meta["batch"]), *(int(n) for n in meta["input_shape"])]
    try:
        return _table(place, str(meta["entry"]), shape, "meta"), []
    except Exception:  # whatever a student's code raises on a device it never met
        return _table(place, str(meta["entry"]), shape, "cpu"), []


def _table(place: StudentModule, entry: str, shape: list[int], device: str) -> dict[str, Any]:
    with torch.device(device), contextlib.redirect_stdout(io.StringIO()):
        model = _copy(place, entry)
        x = torch.zeros(shape)
        torchsummary_rows: list[tuple[str, list[int], int]] = []
        handles = [
            module.register_forward_hook(_torchsummary_hook(torchsummary_rows))
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
    return {
        "how": device,
        "idle": idle[:MAX_ROWS],
        "rows": rows,
        "mult_adds": int(statistics.total_mult_adds),
        "parameters": int(statistics.total_params),
        "torchsummary_total": sum(size for _, _, size in torchsummary_rows),
        "torchsummary_rows": [[kind[:100], shape, size] for kind, shape, size in torchsummary_rows[:MAX_ROWS]],
    }


def _torchsummary_hook(rows: list[tuple[str, list[int], int]]) -> Any:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        size = 0
        for name in ("weight", "bias"):
            value = getattr(module, name, None)
            if isinstance(value, _Tensor):
                size += _numel(value)
        first = output[0] if isinstance(output, list | tuple) and output else output
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
    """Every distinct module below ``model`` by name, read past anything that the student's classes override."""
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


def _tensors(model: Any) -> Iterator[tuple[str, int, int, bool]]:
    """(name, identity, elements, whether a parameter) of every tensor or array in attributes and containers."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", model)]
    while stack and len(seen) < MAX_OBJECTS:
        name, value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _Tensor):
            with without_overrides():
                yield name, id(value), _numel(value), isinstance(value, _Parameter)
        elif isinstance(value, np.ndarray):
            yield name, id(value), int(value.size), False
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
