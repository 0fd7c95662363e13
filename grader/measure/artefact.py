"""The audit of an ONNX artefact: is it plain data, and how many numbers does it carry?

Runs in a measuring child, where no student code ever was. The bytes come from the student's zone and may be anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from grader.measure import unpacking

MAX_BYTES = 16 << 20
"""Ten times what a network of 100,000 float64 numbers with its graph needs."""
MAX_NODES = 20_000
_STRUCTURAL, _MAX_STRUCTURAL = 16, 4096
"""Short lists of whole numbers (shapes, axes, strides) and scalars are structure, up to so many in all: not counted."""
_WHOLE = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
_FLOATING = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_STATISTICS = {"BatchNormalization": (3, 4)}
"""Inputs that hold running mean and variance."""
_REFUSED = {
    "If", "Loop", "Scan",  # control flow: another network could hide in a branch, and a loop need not end
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
    "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceMap", "Optional", "OptionalGetElement",
    "ImageDecoder", "StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch", "TfIdfVectorizer",
}  # fmt: skip


@dataclass
class Audit:
    """What the artefact carries. ``refused`` says why it cannot be used, in a sentence, or is empty.

    ``parameters`` counts the floating-point initialisers but the batch-norm statistics, ``constants`` every other
    number in the graph.
    """

    refused: str = ""
    parameters: int = 0
    statistics: int = 0
    constants: int = 0
    largest: list[tuple[str, int]] = field(default_factory=list)
    nodes: int = 0
    taken_apart: tuple[int, int] | None = None
    """(numbers used, numbers stored) where weights are read out of the digits of stored ones."""


def audit(data: bytes) -> Audit:
    """Read and count an artefact. Never raises on bytes, however odd."""
    if len(data) > MAX_BYTES:
        return Audit(refused=f"the artefact has {len(data)} bytes; at most {MAX_BYTES} are read")
    model = ModelProto()
    try:
        model.ParseFromString(data)
        onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001 - protobuf and the checker raise what they like
        return Audit(refused=f"the artefact is no valid ONNX model: {str(error)[:200]}")
    refused = _refusal(model)
    if refused:
        return Audit(refused=refused)
    found = _count(model.graph)
    found.taken_apart = unpacking.taken_apart(model)
    return found


def _refusal(model: ModelProto) -> str:
    graph = model.graph
    if model.functions or model.training_info:
        return "the artefact defines functions of its own"
    if graph.sparse_initializer:
        return "the artefact has sparse tensors"
    if len(graph.node) > MAX_NODES:
        return f"the graph has {len(graph.node)} nodes; at most {MAX_NODES} are read"
    if len(graph.input) != 1 or len(graph.output) != 1:
        return "the network must have one input and one output"
    for node in graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type in _REFUSED:
            return f"the graph uses the operator {node.domain}::{node.op_type}".replace("::", " ", 1)
        if any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute):
            return f"the operator {node.op_type} holds a graph of its own"
    for tensor in _tensors(graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            return "the artefact points to data outside itself"
        if any(n < 0 for n in tensor.dims):
            return "a tensor has a negative dimension"
    return ""


def _tensors(graph: GraphProto) -> list[TensorProto]:
    inner = [tensor for node in graph.node for attribute in node.attribute for tensor in _held(attribute)]
    return [*graph.initializer, *inner]


def _count(graph: GraphProto) -> Audit:
    statistics = {
        node.input[i] for node in graph.node for i in _STATISTICS.get(node.op_type, ()) if i < len(node.input)
    }
    # A tensor that anything else reads too is no running statistic, whatever else it is used for.
    others = {
        name for node in graph.node for i, name in enumerate(node.input) if i not in _STATISTICS.get(node.op_type, ())
    }
    # Neither is what normalises a constant: its statistics are weights by another name.
    constant = unpacking.constants(graph)
    others |= {
        name for node in graph.node if node.op_type in _STATISTICS and node.input[0] in constant for name in node.input
    }
    statistics -= others
    found = Audit(nodes=len(graph.node))
    sizes: list[tuple[str, int]] = []
    structural = 0
    for tensor in graph.initializer:
        size = math.prod(tensor.dims)
        if tensor.name in statistics:
            found.statistics += size
        elif tensor.data_type in _FLOATING:
            found.parameters += size
            sizes.append((tensor.name[:200], size))
        elif _is_structure(tensor):
            structural += size
        else:
            found.constants += size
            sizes.append((tensor.name[:200], size))
    for node in graph.node:
        tensors = [tensor for attribute in node.attribute for tensor in _held(attribute)]
        structural += sum(math.prod(tensor.dims) for tensor in tensors if _is_structure(tensor))
        carried = sum(math.prod(tensor.dims) for tensor in tensors if not _is_structure(tensor))
        for attribute in node.attribute:
            if not _is_short(attribute):
                carried += _listed(attribute)
            elif node.op_type == "Constant":
                structural += max(1, len(attribute.ints))
        if carried:
            found.constants += carried
            sizes.append((f"{node.op_type} {node.name}"[:200], carried))
    if structural > _MAX_STRUCTURAL:
        found.constants += structural
        sizes.append(("single numbers and short lists of whole ones", structural))
    found.largest = sorted(sizes, key=lambda pair: -pair[1])[:50]
    return found


def _held(attribute: AttributeProto) -> list[TensorProto]:
    return [attribute.t] if attribute.type == AttributeProto.TENSOR else list(attribute.tensors)


def _is_structure(tensor: TensorProto) -> bool:
    """A short list of whole numbers, or one scalar: shapes, axes, a factor. How many there may be is capped."""
    size = math.prod(tensor.dims)
    return size <= 1 or (tensor.data_type in _WHOLE and size <= _STRUCTURAL)


def _is_short(attribute: AttributeProto) -> bool:
    """One number, a word, or a short list of whole numbers: strides, pads, axes."""
    return not attribute.floats and _listed(attribute) <= _STRUCTURAL


def _listed(attribute: AttributeProto) -> int:
    """Numbers in an attribute's own lists; text counts as one number for eight bytes."""
    text = len(attribute.s) + sum(map(len, attribute.strings))
    return len(attribute.floats) + len(attribute.ints) + text // 8
