"""Values that cross the sandbox as data: reading and writing their nodes, comparing them, and showing them.

`grader.sandbox.harness.values` describes the nodes. What comes from a child is a claim: every node is checked here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from grader.sandbox import claims
from grader.sandbox.replies import Array

MAX_DEPTH, MAX_ITEMS = 5, 65
SHOWN_ELEMENTS = 32
"""Tensors with no more elements are shown in full."""
_SEQUENCES = ("tuple", "list", "named")
_CONTAINERS = (*_SEQUENCES, "dict")
_NUMBERS = ("int", "float", "bool")
_CARRIED = {"bool": "uint8", "int8": "int32", "int16": "int32", "bfloat16": "float32"}
_DTYPES = frozenset({"float16", "float32", "float64", "int32", "int64", "uint8", *_CARRIED})


class NotAValue(Exception):
    """A child's node is none that `grader.sandbox.harness.values` writes."""


@dataclass(frozen=True)
class Value:
    """One value as data: of a ``kind`` of the nodes; ``type`` names a named tuple's class, or the type of ``other``."""

    kind: str
    array: NDArray[Any] | None = None
    dtype: str = ""
    value: int | float | bool | str | None = None
    keys: tuple[str, ...] = ()
    items: tuple[Value, ...] = ()
    type: str = ""
    why: str = ""

    @property
    def is_mutable(self) -> bool:
        """Whether a call can change it in place."""
        return self.kind in ("tensor", "list", "dict")

    def number(self) -> float | None:
        """The value of a number, or of a tensor with one element."""
        if self.kind in _NUMBERS:
            return float(self.value or 0)
        if self.array is not None and self.array.size == 1:
            return float(self.array.reshape(()))
        return None


NONE = Value("none")


def read(node: object, arrays: Sequence[Array], depth: int = 0) -> Value:
    """The value of a node. Raises `NotAValue`."""
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        raise NotAValue
    kind, value = node.get("kind"), node.get("value")
    if kind == "none":
        return Value("none")
    if kind == "tensor":
        return _read_tensor(node, arrays)
    if kind in ("text", "dtype") and isinstance(value, str):
        return Value(kind, value=value[:500])
    if kind == "bool" and isinstance(value, bool):
        return Value(kind, value=value)
    if kind == "int" and type(value) is int:
        return Value(kind, value=value)
    if kind == "float" and (type(value) is float or type(value) is int or value in ("nan", "inf", "-inf")):
        return Value(kind, value=float(value))
    if kind in _CONTAINERS:
        return _read_container(str(kind), node, arrays, depth)
    if kind == "other":
        return Value("other", type=claims.text(node.get("type"), 100), why=claims.text(node.get("why"), 100))
    raise NotAValue


def _read_tensor(node: Mapping[str, Any], arrays: Sequence[Array]) -> Value:
    index, dtype = node.get("array"), node.get("dtype")
    if type(index) is not int or not 0 <= index < len(arrays) or dtype not in _DTYPES:
        raise NotAValue
    array = arrays[index]
    if array.dtype != np.dtype(_CARRIED.get(dtype, dtype)):
        raise NotAValue
    return Value("tensor", array=array, dtype=dtype)


def _read_container(kind: str, node: Mapping[str, Any], arrays: Sequence[Array], depth: int) -> Value:
    items, keys = node.get("items"), node.get("keys", [])
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise NotAValue
    has_keys = kind in ("named", "dict")
    if not isinstance(keys, list) or len(keys) != (len(items) if has_keys else 0):
        raise NotAValue
    return Value(
        kind,
        keys=claims.texts(keys, MAX_ITEMS),
        items=tuple(read(item, arrays, depth + 1) for item in items),
        type=claims.text(node.get("type"), 100),
    )


@dataclass
class Writer:
    """Turns values into nodes for a child, and collects their ``arrays``."""

    arrays: list[Array] = field(default_factory=list)

    def node(self, value: Value) -> dict[str, Any]:
        """The node of a value."""
        if value.array is not None:
            self.arrays.append(value.array)
            return {"kind": "tensor", "array": len(self.arrays) - 1, "dtype": value.dtype}
        node: dict[str, Any] = {"kind": value.kind}
        if value.kind in _CONTAINERS:
            node |= {"items": [self.node(item) for item in value.items], "keys": list(value.keys), "type": value.type}
        elif value.kind == "float":
            number = float(value.value or 0)
            node["value"] = number if math.isfinite(number) else str(number)
        else:
            node["value"] = value.value
        return node


class Tolerance(BaseModel):
    """Numbers agree when ``|got - expected| <= absolute + relative * |expected|``; a ``dtype`` only where asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    relative: float = Field(default=1e-5, ge=0)
    absolute: float = Field(default=1e-6, ge=0)
    dtype: bool = False


@dataclass(frozen=True)
class Difference:
    """The first place where a value is not as expected.

    ``place`` is a path such as ``.centroids`` or ``[1]``; ``reason`` one of ``kind``, ``length``, ``shape``, ``dtype``,
    ``values``. With ``values``, ``differing`` of ``elements`` numbers differ, by at most ``largest`` (None: infinite);
    ``not_finite`` of them are NaN or infinite.
    """

    reason: str
    expected: Value
    got: Value
    place: str = ""
    differing: int = 0
    elements: int = 0
    largest: float | None = None
    not_finite: int = 0


def compare(expected: Value, got: Value, tolerance: Tolerance, place: str = "") -> Difference | None:
    """The difference between two values, or ``None`` where they agree.

    A tensor with one element and a number are the same, and so are a bool and 0 or 1, a tuple, a list and a named
    tuple; a named tuple and a dict are compared by their names where they have the same ones.
    """
    if expected.kind in _CONTAINERS:
        return _compare_items(expected, got, tolerance, place)
    if expected.kind == "tensor" or expected.kind in _NUMBERS:
        return _compare_numbers(expected, got, tolerance, place)
    same = expected.kind == got.kind and expected.value == got.value and expected.kind != "other"
    return None if same else Difference("kind" if expected.kind != got.kind else "values", expected, got, place)


def _compare_items(expected: Value, got: Value, tolerance: Tolerance, place: str) -> Difference | None:
    if got.kind not in _CONTAINERS or (expected.kind == "dict" and not got.keys):
        return Difference("kind", expected, got, place)
    if len(expected.items) != len(got.items):
        return Difference("length", expected, got, place)
    by_name = expected.keys and set(expected.keys) == set(got.keys)
    if expected.kind == "dict" and not by_name:
        return Difference("kind", expected, got, place)
    for index, item in enumerate(expected.items):
        other = got.items[got.keys.index(expected.keys[index])] if by_name else got.items[index]
        step = f".{expected.keys[index]}" if expected.keys else f"[{index}]"
        difference = compare(item, other, tolerance, place + step)
        if difference is not None:
            return difference
    return None


def _compare_numbers(expected: Value, got: Value, tolerance: Tolerance, place: str) -> Difference | None:
    wanted, given = _numbers(expected), _numbers(got)
    if wanted is None or given is None:
        return Difference("kind", expected, got, place)
    if wanted.shape != given.shape and not (wanted.size == given.size == 1 and 0 in (wanted.ndim, given.ndim)):
        return Difference("shape", expected, got, place)
    if tolerance.dtype and expected.dtype and expected.dtype != got.dtype:
        return Difference("dtype", expected, got, place)
    wanted, given = np.atleast_1d(wanted), np.atleast_1d(given).reshape(np.atleast_1d(wanted).shape)
    agree = _agree(wanted, given, tolerance)
    if agree.all():
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(given.astype(np.float64) - wanted.astype(np.float64))[~agree]
    largest = float(off.max())
    return Difference(
        "values",
        expected,
        got,
        place,
        int((~agree).sum()),
        agree.size,
        largest if math.isfinite(largest) else None,
        int((~np.isfinite(given[~agree].astype(np.float64))).sum()),
    )


def _agree(wanted: NDArray[Any], given: NDArray[Any], tolerance: Tolerance) -> NDArray[np.bool_]:
    if wanted.dtype.kind in "iu" and given.dtype.kind in "iu" and not (tolerance.relative or tolerance.absolute):
        return np.asarray(wanted == given)
    wanted, given = wanted.astype(np.float64), given.astype(np.float64)
    close = np.isclose(given, wanted, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True)
    return np.asarray(close)


def share_of_tolerance(expected: Value, got: Value, tolerance: Tolerance) -> float:
    """The largest share of the tolerance that agreeing values use, from 0 (equal) to 1 (at the limit)."""
    if expected.kind in _CONTAINERS:
        pairs = zip(expected.items, got.items, strict=False)
        return max((share_of_tolerance(one, other, tolerance) for one, other in pairs), default=0.0)
    wanted, given = _numbers(expected), _numbers(got)
    if wanted is None or given is None or wanted.size != given.size or not wanted.size:
        return 0.0
    wanted, given = wanted.astype(np.float64).ravel(), given.astype(np.float64).ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.abs(given - wanted) / (tolerance.absolute + tolerance.relative * np.abs(wanted))
    finite = shares[np.isfinite(shares)]
    return float(finite.max()) if finite.size else 0.0


def _numbers(value: Value) -> NDArray[Any] | None:
    if value.array is not None:
        return value.array
    return np.asarray(value.value) if value.kind in _NUMBERS else None


def show(value: Value) -> str:
    """The value as Python would write it; large tensors and long containers by their shape or length."""
    if value.array is not None:
        if value.array.size > SHOWN_ELEMENTS:
            return f"tensor of shape {tuple(value.array.shape)}, {value.dtype}"
        array = value.array.astype(bool) if value.dtype == "bool" else value.array
        dtype = "" if value.dtype in ("float32", "int64", "bool") else f", dtype=torch.{value.dtype}"
        return f"tensor({_nested(array)}{dtype})"
    if value.kind in _CONTAINERS:
        if len(value.items) > SHOWN_ELEMENTS:
            return f"{value.type or value.kind} of {len(value.items)} items"
        return _show_container(value)
    if value.kind == "none":
        return "None"
    if value.kind == "other":
        return f"{value.type} ({value.why})" if value.why else value.type
    if value.kind == "dtype":
        return f"torch.{value.value}"
    return repr(value.value) if value.kind == "text" else _number(value.value)


def show_with(value: Value, reason: str) -> str:
    """The value with what differs: its shape or its type."""
    if value.array is None or value.array.size > SHOWN_ELEMENTS or reason not in ("shape", "dtype"):
        return show(value)
    detail = f"shape {tuple(value.array.shape)}" if reason == "shape" else f"torch.{value.dtype}"
    return f"{show(value)}, {detail}"


def _show_container(value: Value) -> str:
    items = [show(item) for item in value.items]
    if value.kind == "dict":
        return "{" + ", ".join(f"{key!r}: {item}" for key, item in zip(value.keys, items, strict=True)) + "}"
    if value.kind == "named":
        fields = ", ".join(f"{key}={item}" for key, item in zip(value.keys, items, strict=True))
        return f"{value.type}({fields})"
    if value.kind == "list":
        return "[" + ", ".join(items) + "]"
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


def _nested(array: NDArray[Any]) -> str:
    if array.ndim == 0:
        return _number(array.item())
    return "[" + ", ".join(_nested(part) for part in array) + "]"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
