"""Weights that are taken apart: more numbers used than the artefact stores, read out of the digits of the stored ones.

A parameter of 32 bits can hold four weights of 8. Whoever rounds, shifts or compares stored numbers, and ends with more
of them than there were, counts fewer parameters than the network has. Rounding that keeps their number, as training
for quantised weights does, is no such thing; neither are products, sums and repetitions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

_LARGE, _FEW = 16, 1024
"""Tensors of no more numbers are shapes, axes and factors, unless the network has more than a few such numbers."""
_WHOLE = frozenset(
    {TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64}
    | {TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}
)
_NARROW = frozenset(
    {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.BOOL}
    | {TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ}
)
_WIDE = frozenset({TensorProto.INT32, TensorProto.INT64, TensorProto.UINT32, TensorProto.UINT64})
_DIGITS = frozenset(
    {"Floor", "Ceil", "Round", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"}
    | {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Sign"}
    | {"QuantizeLinear", "DynamicQuantizeLinear", "CastLike"}
)
"""Operators that see some digits of a number and not the others."""
_INDICES = {"CastLike": 1, "Gather": 1, "GatherElements": 1, "GatherND": 1, "ScatterND": 1, "ScatterElements": 1}
"""Inputs that say where or of which type, not what."""


@dataclass(frozen=True)
class _Source:
    """What a constant was made of: the stored tensors, and whether their digits were looked at.

    Any arithmetic can see the digits of whole numbers that are stored ``wide``.
    """

    roots: frozenset[str] = frozenset()
    by_digits: bool = False
    wide: bool = False

    def __or__(self, other: _Source) -> _Source:
        return _Source(self.roots | other.roots, self.by_digits or other.by_digits, self.wide or other.wide)


def constants(graph: GraphProto, least: int = _LARGE) -> dict[str, _Source]:
    """Every tensor without the network's input, and what it was made of: tensors of more than ``least`` numbers."""
    found = {tensor.name: _stored(tensor.name, tensor, least) for tensor in graph.initializer}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if all(name in found for name in inputs):
            source = _source(node, found, least)
            found |= dict.fromkeys(filter(None, node.output), source)
    return found


def _stored(name: str, tensor: TensorProto, least: int) -> _Source:
    size = math.prod(tensor.dims)
    return _Source(frozenset({name}), wide=tensor.data_type in _WIDE and size > _LARGE) if size > least else _Source()


def _source(node: NodeProto, found: dict[str, _Source], least: int) -> _Source:
    if node.op_type == "Constant" and node.output and node.attribute:
        held = node.attribute[0]
        if held.type == AttributeProto.TENSOR:
            return _stored(node.output[0], held.t, least)
        listed = max(1, len(held.floats), len(held.ints))
        return _Source(frozenset(node.output), wide=len(held.ints) > _LARGE) if listed > least else _Source()
    skipped = _INDICES.get(node.op_type)
    source = _Source()
    for position, name in enumerate(node.input):
        # An index that is stored only chooses; one that was computed from digits carries them.
        if name and (position != skipped or found[name].by_digits):
            source |= found[name]
    return replace(source, by_digits=source.by_digits or (bool(source.roots) and _looks_at_digits(node, source)))


def _looks_at_digits(node: NodeProto, source: _Source) -> bool:
    # An index that is stored as whole numbers stays what it is in any other kind of them.
    losing = _NARROW if source.wide else _NARROW | _WHOLE
    cast = node.op_type == "Cast" and any(a.name == "to" and a.i in losing for a in node.attribute)
    return cast or node.op_type in _DIGITS or (node.op_type == "Div" and source.wide)


def taken_apart(model: ModelProto) -> tuple[int, int] | None:
    """(numbers used, numbers stored) where digits make more of the one than of the other, else ``None``."""
    sizes: dict[str, int] = {}
    for least, few in ((_LARGE, 0), (0, _FEW)):
        suspects = _suspects(model.graph, least)
        if not suspects:
            continue
        sizes = sizes or _sizes(model)
        roots = [sizes.get(name, 0) for name in frozenset().union(*(source.roots for source in suspects.values()))]
        numbers = sum(sizes.get(name, 0) for name in suspects)
        if numbers > sum(roots) and sum(size for size in roots if size <= _LARGE) >= few:
            return numbers, sum(roots)
    return None


def _suspects(graph: GraphProto, least: int) -> dict[str, _Source]:
    """What the network uses of constants whose digits were looked at."""
    found = constants(graph, least)
    results = {value.name for value in graph.output}
    used = {name for node in graph.node if any(o not in found for o in node.output) for name in node.input} | results
    return {name: found[name] for name in used if name in found and (found[name].by_digits or found[name].wide)}


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
