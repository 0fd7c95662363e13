"""Finds unpacked weights: the network uses more numbers than the artefact stores, from the digits of stored ones.

A parameter of 32 bits can hold four weights of 8. A graph that rounds, shifts or compares stored numbers, and makes
more numbers of them, hides parameters. Rounding that keeps their number, as quantisation does, hides none; neither do
products, sums and repetitions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from grader.measure.canonical import NotCanonical

_LARGE, _FEW, _MOST_READ = 16, 1024, 256
"""Tensors of at most ``_LARGE`` numbers are shapes, axes and factors, unless all together have more than ``_FEW``."""
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
"""Operators whose result depends on some digits of a number."""
_READERS = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "Gather", "GatherElements", "GatherND", "LSTM", "GRU", "RNN"}
    | {"BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "LpNormalization"}
    | {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal", "Neg", "Abs", "Exp", "Log", "Sin", "Cos", "Max", "Min"}
    | {"Sum", "Mean", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"}
    | {"Clip", "Relu", "LeakyRelu", "PRelu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus", "Softmax", "Erf", "Gelu"}
    | {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile", "Concat", "Slice"}
    | {"Split", "Pad", "Shape", "Size", "Cast", "Where", "Trilu", "ScatterND", "DFT", "Range", "DequantizeLinear"}
)
"""Operators that may read stored numbers, beside `_DIGITS`: those that layers and their parametrisations consist of."""
_ONLY_SHAPE = frozenset({"Shape", "Size"})
"""Operators that read no number; dimensions are part of the canonical text."""
_INDICES = {"CastLike": 1, "Gather": 1, "GatherElements": 1, "GatherND": 1, "ScatterND": 1, "ScatterElements": 1}
"""Inputs that give a position or a type, not a value."""


@dataclass(frozen=True)
class _Source:
    """The stored tensors (``roots``) that a constant is made of, and whether their digits are read.

    Any arithmetic can read the digits of whole numbers that are stored ``wide``.
    """

    roots: frozenset[str] = frozenset()
    by_digits: bool = False
    wide: bool = False

    def __or__(self, other: _Source) -> _Source:
        return _Source(self.roots | other.roots, self.by_digits or other.by_digits, self.wide or other.wide)


def constant_sources(graph: GraphProto, least: int = _LARGE) -> dict[str, _Source]:
    """Every tensor that does not depend on the network's input, with its sources of more than ``least`` numbers."""
    sources = {tensor.name: _stored_source(tensor.name, tensor, least) for tensor in graph.initializer}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if all(name in sources for name in inputs):
            source = _source(node, sources, least)
            sources |= dict.fromkeys(filter(None, node.output), source)
    return sources


def _stored_source(name: str, tensor: TensorProto, least: int) -> _Source:
    size = math.prod(tensor.dims)
    return _Source(frozenset({name}), wide=tensor.data_type in _WIDE and size > _LARGE) if size > least else _Source()


def _source(node: NodeProto, sources: dict[str, _Source], least: int) -> _Source:
    if node.op_type in _ONLY_SHAPE:
        return _Source()
    skipped = _INDICES.get(node.op_type)
    source = _Source()
    for position, name in enumerate(node.input):
        # A stored index only selects; an index computed from digits carries them.
        if name and (position != skipped or sources[name].by_digits):
            source |= sources[name]
    return replace(source, by_digits=source.by_digits or (bool(source.roots) and _reads_digits(node, source)))


def _reads_digits(node: NodeProto, source: _Source) -> bool:
    # Stored whole numbers lose no digits in another kind of whole numbers.
    losing = _NARROW if source.wide else _NARROW | _WHOLE
    cast = node.op_type == "Cast" and any(a.name == "to" and a.i in losing for a in node.attribute)
    return cast or node.op_type in _DIGITS or (node.op_type == "Div" and source.wide)


def refuse_other_readers(graph: GraphProto) -> None:
    """Raise `NotCanonical` if an operator reads stored numbers that no layer reads, such as their order by TopK."""
    sources = constant_sources(graph, least=0)
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    roots: set[str] = set()
    for node in graph.node:
        if node.op_type not in _READERS and node.op_type not in _DIGITS:
            roots.update(*(sources[name].roots for name in node.input if name in sources))
            if sum(sizes[name] for name in roots) > _MOST_READ:
                raise NotCanonical(f"the operator {node.op_type} reads stored numbers")


def unpacked_numbers(model: ModelProto) -> tuple[int, int] | None:
    """(numbers used, numbers stored) where reading digits makes more numbers than are stored, else ``None``."""
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
    """The constants that the network uses and whose digits are read."""
    sources = constant_sources(graph, least)
    results = {value.name for value in graph.output}
    used = {name for node in graph.node if any(o not in sources for o in node.output) for name in node.input} | results
    return {name: sources[name] for name in used if name in sources and (sources[name].by_digits or sources[name].wide)}


def _sizes(model: ModelProto) -> dict[str, int]:
    """Elements of every tensor by onnx's shape inference; a canonical graph claims no shapes.

    Where it fails, as for a slice between computed ends, the size of the inputs is used.
    """
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # noqa: BLE001 - it raises anything on hostile bytes
        inferred = model
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        shape = value.type.tensor_type.shape
        if value.type.tensor_type.HasField("shape") and all(axis.HasField("dim_value") for axis in shape.dim):
            sizes[value.name] = math.prod(axis.dim_value for axis in shape.dim)
    for node in model.graph.node:
        sizes_of_inputs = [sizes.get(name, 0) for name in node.input if name]
        most = sum(sizes_of_inputs) if node.op_type == "Concat" else max(sizes_of_inputs, default=0)
        for name in node.output:
            sizes.setdefault(name, most)
    return sizes
