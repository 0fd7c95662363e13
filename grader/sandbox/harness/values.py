"""Values of Python as data: tensors as arrays, all others as a tree of JSON. Runs beside the student's code.

A node is ``{"kind": ...}`` with ``array`` and ``dtype`` (``tensor``), ``value`` (``int``, ``float``, ``bool``,
``text``, ``dtype``), ``items`` (``tuple``, ``list``), ``keys`` and ``items`` (``dict``, and ``named``: a named tuple
or an object with a few fields, with the name of its ``type``), or ``type`` (``other``: no value that can be compared).
``none`` has nothing else.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import types
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import Array
from grader.sandbox.harness.torch_private import without_overrides

STUDENT_MODULE = "submission"
"""The name of the module in which the student's source runs."""
MAX_DEPTH, MAX_ITEMS, MAX_TEXT = 4, 64, 500
MAX_ARRAYS = 60
MAX_ELEMENTS = 1 << 22
MAX_INTEGER = 1 << 53
_WIDE: dict[torch.dtype, torch.dtype] = {
    torch.bool: torch.uint8,
    torch.int8: torch.int32,
    torch.int16: torch.int32,
    torch.bfloat16: torch.float32,
}
"""The type in which a frame carries a tensor of a type that frames lack."""
_CARRIED = frozenset({torch.float16, torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8, *_WIDE})
_Tensor, _detach = torch.Tensor, torch.Tensor.detach

Node = dict[str, Any]


class Encoder:
    """Turns values into nodes, and collects their ``arrays``. A value beyond the limits becomes ``other``."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._items = 0

    def encode(self, value: Any, depth: int = 0) -> Node:
        """The node of a value."""
        self._items += 1
        if self._items > MAX_ITEMS:
            return _other(value, "more items than can be compared")
        if value is None:
            return {"kind": "none"}
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, _Tensor):
            return self._tensor(value)
        if isinstance(value, bool):
            return {"kind": "bool", "value": bool(value)}
        if isinstance(value, int):
            return {"kind": "int", "value": int(value)} if abs(value) <= MAX_INTEGER else _other(value)
        if isinstance(value, float):
            number = float(value)
            return {"kind": "float", "value": number if math.isfinite(number) else str(number)}
        if isinstance(value, str):
            return {"kind": "text", "value": str(value)[:MAX_TEXT]}
        if isinstance(value, torch.dtype):
            return {"kind": "dtype", "value": str(value).removeprefix("torch.")}
        return self._container(value, depth) if depth < MAX_DEPTH else _other(value, "nested too deeply")

    def _container(self, value: Any, depth: int) -> Node:
        fields = _fields(value)
        if fields is not None:
            keys = [str(name)[:MAX_TEXT] for name in fields]
            node: Node = {"kind": "named", "type": type(value).__name__[:100], "keys": keys}
            return {**node, "items": [self.encode(item, depth + 1) for item in fields.values()]}
        if isinstance(value, tuple | list | dict) and len(value) > MAX_ITEMS:
            return _other(value, "more items than can be compared")
        if isinstance(value, tuple | list):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {"kind": kind, "items": [self.encode(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            keys = [str(key)[:MAX_TEXT] for key in value]
            return {"kind": "dict", "keys": keys, "items": [self.encode(item, depth + 1) for item in value.values()]}
        return _other(value)

    def _array(self, value: Any) -> Node:
        try:
            return self._tensor(torch.from_numpy(np.array(value)))
        except TypeError:
            return _other(value)

    def _tensor(self, value: torch.Tensor) -> Node:
        with without_overrides():
            if value.numel() > MAX_ELEMENTS:
                return _other(value, f"{value.numel():,} elements")
            is_plain = value.layout is torch.strided and value.device.type == "cpu"
            if not is_plain or value.dtype not in _CARRIED or len(self.arrays) >= MAX_ARRAYS or value.dim() > 8:
                kind = str(value.dtype).removeprefix("torch.")
                return _other(value, kind if is_plain else f"{kind}, {value.layout}, {value.device.type}")
            carried = _detach(value).resolve_neg().to(_WIDE.get(value.dtype, value.dtype))
            # A copy: the next call may change the tensor.
            self.arrays.append(np.array(carried.numpy()))
            return {"kind": "tensor", "array": len(self.arrays) - 1, "dtype": str(value.dtype).removeprefix("torch.")}


def _fields(value: Any) -> dict[Any, Any] | None:
    """The fields of a named tuple, a dataclass, or an object of a small class of the student's; ``None`` of others."""
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple):
        return dict(zip(names, value, strict=False)) if isinstance(names, tuple) and len(names) <= MAX_ITEMS else None
    is_own = type(value).__module__ == STUDENT_MODULE and not isinstance(value, torch.nn.Module)
    if is_own or dataclasses.is_dataclass(value) or isinstance(value, types.SimpleNamespace):
        fields = getattr(value, "__dict__", None)
        return fields if isinstance(fields, dict) and 0 < len(fields) <= MAX_ITEMS else None
    return None


def _other(value: Any, why: str = "") -> Node:
    return {"kind": "other", "type": type(value).__name__[:100], "why": why}


def decode(node: Node, arrays: tuple[Array, ...], namespace: dict[str, Any]) -> Any:
    """A fresh value for a node of the trusted side. ``namespace`` may hold the class of a named tuple."""
    kind = node["kind"]
    if kind == "tensor":
        return torch.from_numpy(arrays[node["array"]].copy()).to(getattr(torch, node["dtype"]))
    if kind == "float":
        return float(node["value"])
    if kind == "dtype":
        return getattr(torch, node["value"])
    if kind in ("int", "bool", "text"):
        return node["value"]
    items = [decode(item, arrays, namespace) for item in node.get("items", [])]
    if kind == "named":
        known: Any = namespace.get(node["type"])
        if isinstance(known, type) and list(getattr(known, "_fields", ())) == node["keys"]:
            return known(*items)
        try:
            return collections.namedtuple(node["type"], node["keys"])(*items)
        except ValueError:
            # An answer may claim names that no class of Python has.
            return tuple(items)
    if kind == "dict":
        return dict(zip(node["keys"], items, strict=True))
    return {"tuple": tuple(items), "list": items}.get(kind)
