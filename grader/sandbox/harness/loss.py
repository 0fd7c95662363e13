"""Calls of a loss: its value and its gradient. Runs beside the student's code."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness.student_module import StudentModule
from grader.sandbox.harness.torch_private import without_overrides

MAX_VALUE = 1 << 16

_LOSS_NAMES = ("loss", "total_loss", "loss_total", "total", "kd_loss", "loss_kd")
"""Usual names of the whole loss in a dictionary or a named tuple."""
_Tensor, _detach, _gradient = torch.Tensor, torch.Tensor.detach, torch.autograd.grad
_equal = torch.equal


class Settings(dict[str, Any]):
    """Settings of a loss that reads ``params``: alpha and temperature by any name, as key or attribute; else None."""

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


def call(student_module: StudentModule, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """One call by slots (OPERATIONS.md); answers the value and, when asked, its gradient by the student's logits."""
    loss: Any = student_module.namespace[str(meta["entry"])]
    if inspect.isclass(loss):
        loss = loss(**{name: _argument(slot, arrays, []) for name, slot in meta.get("init_kwargs", {}).items()})
    student_tensors: list[torch.Tensor] = []
    if meta.get("strided"):
        # The same numbers column by column in memory, as in a transposed or sliced tensor.
        arrays = tuple(np.asfortranarray(array) for array in arrays)
    args = [_argument(slot, arrays, student_tensors) for slot in meta["args"]]
    kwargs = {name: _argument(slot, arrays, student_tensors) for name, slot in meta["kwargs"].items()}
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, _Tensor)]
    before = [_detach(tensor).clone() for tensor in tensors]
    value = loss(*args, **kwargs)
    changed = not all(map(_equal, map(_detach, tensors), before))
    kind = "tensor" if isinstance(value, _Tensor) else type(value).__name__[:100]
    value = _loss_value(value)
    if isinstance(value, np.generic | np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"kind": kind, "has_gradient": False, "changed": changed}, [np.array(float(value))]
    if not isinstance(value, _Tensor):
        return {"kind": kind, "has_gradient": False}, []
    with without_overrides():
        shape = [int(n) for n in value.shape[:8]]
        if value.is_complex() or value.numel() > MAX_VALUE:
            return {"kind": kind, "shape": shape, "has_gradient": False}, []
        out = [np.array(_detach(value).to(torch.float64).numpy())]
        if meta["grad"] and student_tensors and value.numel() == 1 and value.requires_grad:
            gradient = _gradient(value.reshape(()), student_tensors[0], allow_unused=True)[0]
            if gradient is not None:
                out.append(np.array(_detach(gradient).to(torch.float64).numpy()))
    return {"kind": kind, "shape": shape, "has_gradient": len(out) == 2, "changed": changed}, out


def _loss_value(value: Any) -> Any:
    """The loss among several values: the first with a usual name of a loss, else the first tensor."""
    if isinstance(value, dict):
        candidates = [*(value[name] for name in _LOSS_NAMES if name in value), *value.values()]
    elif isinstance(value, _Tensor):
        candidates = []
    else:
        candidates = [getattr(value, name, None) for name in _LOSS_NAMES]
        candidates += value[:1] if isinstance(value, tuple | list) else []
    return next((candidate for candidate in candidates if isinstance(candidate, _Tensor)), value)


def _argument(slot: dict[str, Any], arrays: tuple[Array, ...], student_tensors: list[torch.Tensor]) -> Any:
    if "value" in slot:
        return slot["value"]
    if "settings" in slot:
        return Settings(slot["settings"])
    tensor = torch.from_numpy(arrays[slot["student" if "student" in slot else "array"]].copy(order="K"))
    if "student" in slot:
        student_tensors.append(tensor.requires_grad_())
        # In training the logits are a model's output and no leaf, so arithmetic in place must work on them here too.
        return tensor.clone()
    return tensor
