"""Weights that are taken apart: more numbers used than the artefact stores, read out of the digits of the stored ones.

A parameter of 32 bits can hold four weights of 8. Whoever rounds, shifts or compares stored numbers, and ends with more
of them than there were, counts fewer parameters than the network has. Rounding that keeps their number, as training
for quantised weights does, is no such thing; neither are products, sums and repetitions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

_LARGE = 16
"""Tensors of no more numbers are shapes, axes and factors."""
_WHOLE = frozenset(
    {TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64}
    | {TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}
)
_WIDE = frozenset({TensorProto.INT32, TensorProto.INT64, TensorProto.UINT32, TensorProto.UINT64})
_DIGITS = frozenset(
    {"Floor", "Ceil", "Round", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"}
    | {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Sign"}
)
"""Operators that see some digits of a number and not the others."""
_INDICES = {"Gather": 1, "GatherElements": 1, "GatherND": 1, "ScatterND": 1, "ScatterElements": 1}
"""Inputs that say where, not what."""


@dataclass(frozen=True)
class _Source:
    """What a constant was made of: the large stored tensors, and whether their digits were looked at."""

    roots: frozenset[str] = frozenset()
    by_digits: bool = False

    def __or__(self, other: _Source) -> _Source:
        return _Source(self.roots | other.roots, self.by_digits or other.by_digits)


def constants(graph: GraphProto) -> dict[str, _Source]:
    """Every tensor that does not depend on the network's input, and what it was made of."""
    found = {tensor.name: _stored(tensor.name, tensor) for tensor in graph.initializer}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if all(name in found for name in inputs):
            source = _source(node, found)
            found |= dict.fromkeys(filter(None, node.output), source)
    return found


def _stored(name: str, tensor: TensorProto) -> _Source:
    if math.prod(tensor.dims) <= _LARGE:
        return _Source()
    return _Source(frozenset({name}), tensor.data_type in _WIDE)


def _source(node: NodeProto, found: dict[str, _Source]) -> _Source:
    if node.op_type == "Constant":
        held = [attribute.t for attribute in node.attribute if attribute.type == AttributeProto.TENSOR]
        return _stored(node.output[0], held[0]) if held and node.output else _Source()
    skipped = _INDICES.get(node.op_type)
    source = _Source()
    for position, name in enumerate(node.input):
        if name and position != skipped:
            source |= found[name]
    return _Source(source.roots, source.by_digits or (bool(source.roots) and _looks_at_digits(node)))


def _looks_at_digits(node: NodeProto) -> bool:
    to_whole = node.op_type == "Cast" and any(a.name == "to" and a.i in _WHOLE for a in node.attribute)
    return to_whole or node.op_type in _DIGITS


def taken_apart(model: ModelProto) -> tuple[int, int] | None:
    """(numbers used, numbers stored) where digits make more of the one than of the other, else ``None``."""
    graph = model.graph
    found = constants(graph)
    results = {value.name for value in graph.output}
    used = {name for node in graph.node if any(o not in found for o in node.output) for name in node.input} | results
    suspects = {name: found[name] for name in used if name in found and found[name].by_digits}
    if not suspects:
        return None
    sizes = _sizes(model)
    stored = sum(sizes.get(name, 0) for name in frozenset().union(*(s.roots for s in suspects.values())))
    numbers = sum(sizes.get(name, 0) for name in suspects)
    return (numbers, stored) if numbers > stored else None


def _sizes(model: ModelProto) -> dict[str, int]:
    """Elements of every tensor, by onnx's own rules and not by what the graph claims.

    Where the rules cannot tell, as for a slice between computed ends, what went in stands for it.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except Exception:  # noqa: BLE001 - the bytes may be anybody's, and it raises what it likes
        inferred = copy
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        shape = value.type.tensor_type.shape
        if value.type.tensor_type.HasField("shape") and all(axis.HasField("dim_value") for axis in shape.dim):
            sizes[value.name] = math.prod(axis.dim_value for axis in shape.dim)
    for node in model.graph.node:
        given = [sizes.get(name, 0) for name in node.input if name]
        most = sum(given) if node.op_type == "Concat" else max(given, default=0)
        for name in node.output:
            sizes.setdefault(name, most)
    return sizes
