"""The requests about a loss: what it takes, and what it answers. Runs beside the student's code."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness.student_module import StudentModule
from grader.sandbox.harness.torch_private import without_overrides

MAX_PARAMETERS, MAX_VALUE = 60, 1 << 16

_NAMED = ("loss", "total_loss", "loss_total", "total", "kd_loss", "loss_kd")
"""What people call the sum in a dictionary or a named tuple."""
_Tensor, _detach, _gradient = torch.Tensor, torch.Tensor.detach, torch.autograd.grad


class Settings(dict[str, Any]):
    """What a loss reads from ``params``: alpha and the temperature by any name, by key or by attribute; else None."""

    def __missing__(self, key: str) -> Any:
        plain = str(key).lower().replace("_", "")
        if "temp" in plain or plain in {"t", "tau", "kdt"}:
            return self["temperature"]
        return self["alpha"] if "alpha" in plain or plain in {"a", "lam", "lambda"} else None

    def get(self, key: str, default: Any = None) -> Any:
        value = self[key]
        return default if value is None else value

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self[key]


def inspect_loss(place: StudentModule, meta: dict[str, Any]) -> Answer:
    """The loss's kind and parameters; ``missing`` when the name is not bound."""
    entry = str(meta["entry"])
    if entry not in place.module.__dict__:
        return {"missing": True}, []
    loss = place.module.__dict__[entry]
    if inspect.isclass(loss):
        runs = loss.forward if issubclass(loss, torch.nn.Module) else loss.__call__
        call = _parameters(runs)
        answer = {"kind": "class", "init": _parameters(loss.__init__)[1:], "parameters": call[1:]}
        answer["signature"] = f"{entry}{_signature(loss)} -> {_signature(runs)}"[:500]
    else:
        module = isinstance(loss, torch.nn.Module)
        kind = "module" if module else "function" if inspect.isfunction(loss) else "callable"
        runs = loss.forward if module else loss
        answer = {"kind": kind, "parameters": _parameters(runs), "signature": f"{entry}{_signature(runs)}"[:500]}
    return {"missing": False, **answer}, []


def _signature(function: Any) -> inspect.Signature:
    """The signature; of a scripted function that of its schema, of one that Python cannot read ``(*args)``."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        listed = getattr(getattr(function, "schema", None), "arguments", None)
    if listed is None:
        return inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
    kind, none = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    parameters = [
        inspect.Parameter(p.name, kind, default=p.default_value if p.has_default_value() else none) for p in listed
    ]
    return inspect.Signature(parameters)


def _parameters(function: Any) -> list[dict[str, Any]]:
    listed = list(_signature(function).parameters.values())[:MAX_PARAMETERS]
    return [
        {"name": p.name[:100], "kind": p.kind.name.lower(), "default": p.default is not inspect.Parameter.empty}
        for p in listed
    ]


def call(place: StudentModule, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """One call by slots (OPERATIONS.md); answers the value and, when asked, its gradient by the student's logits."""
    loss: Any = place.module.__dict__[str(meta["entry"])]
    if inspect.isclass(loss):
        loss = loss(**{name: _argument(slot, arrays, []) for name, slot in meta.get("init_kwargs", {}).items()})
    students: list[torch.Tensor] = []
    if meta.get("strided"):
        # The same numbers, laid out column by column: what a transposed or sliced tensor looks like in memory.
        arrays = tuple(np.asfortranarray(array) for array in arrays)
    args = [_argument(slot, arrays, students) for slot in meta["args"]]
    kwargs = {name: _argument(slot, arrays, students) for name, slot in meta["kwargs"].items()}
    value = loss(*args, **kwargs)
    kind = "tensor" if isinstance(value, _Tensor) else type(value).__name__[:100]
    value = _first(value)
    if isinstance(value, np.generic | np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"kind": kind, "has_gradient": False}, [np.array(float(value))]
    if not isinstance(value, _Tensor):
        return {"kind": kind, "has_gradient": False}, []
    with without_overrides():
        shape = [int(n) for n in value.shape[:8]]
        if value.is_complex() or value.numel() > MAX_VALUE:
            return {"kind": kind, "shape": shape, "has_gradient": False}, []
        out = [np.array(_detach(value).to(torch.float64).numpy())]
        if meta["grad"] and students and value.numel() == 1 and value.requires_grad:
            gradient = _gradient(value.reshape(()), students[0], allow_unused=True)[0]
            if gradient is not None:
                out.append(np.array(_detach(gradient).to(torch.float64).numpy()))
    return {"kind": kind, "shape": shape, "has_gradient": len(out) == 2}, out


def _first(value: Any) -> Any:
    """The loss among several numbers: the one that calls itself so, else the first."""
    if isinstance(value, dict):
        named = [value[name] for name in _NAMED if name in value]
        return next((one for one in (*named, *value.values()) if isinstance(one, _Tensor)), value)
    named = [getattr(value, name, None) for name in _NAMED] if not isinstance(value, _Tensor) else []
    listed = [*named, *value[:1]] if isinstance(value, tuple | list) else named
    return next((one for one in listed if isinstance(one, _Tensor)), value)


def _argument(slot: dict[str, Any], arrays: tuple[Array, ...], students: list[torch.Tensor]) -> Any:
    if "value" in slot:
        return slot["value"]
    if "settings" in slot:
        return Settings(slot["settings"])
    tensor = torch.from_numpy(arrays[slot["student" if "student" in slot else "array"]].copy(order="K"))
    if "student" in slot:
        students.append(tensor.requires_grad_())
        # In training the logits are a model's output and no leaf: arithmetic in place must work on them here too.
        return tensor.clone()
    return tensor
