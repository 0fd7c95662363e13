"""Audits an ONNX artefact: whether it is plain data, and how many numbers it has.

Runs in a measuring child, which never runs student code. The bytes come from the student's zone and may be anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from grader.measure import unpacking

MAX_BYTES = 16 << 20
"""Ten times the size of a network of 100,000 float64 numbers with its graph."""
MAX_NODES = 20_000
_STRUCTURAL, _MAX_STRUCTURAL = 16, 4096
"""Short lists of whole numbers (shapes, axes, strides) and scalars are structure, up to so many in all: not counted."""
_WHOLE = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
_FLOATING = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_STATISTICS = {"BatchNormalization": (3, 4)}
"""Inputs that hold running mean and variance."""
_LAYERS = {"Conv": 1, "Gemm": 1, "Transpose": 0}
"""Input of a layer's weight, with an output in each row; a linear layer on more than two axes transposes it first."""
_SETTINGS = 64
"""Distinct numbers in the settings of operators, such as epsilons and slopes, that are not counted."""
_ATTRIBUTES = {
    AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING, AttributeProto.TENSOR,
    AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS,
}  # fmt: skip
"""Kinds of attributes whose numbers are counted; no other kind is read."""
_REFUSED = {
    "If", "Loop", "Scan",  # control flow: another network could hide in a branch, and a loop need not end
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
    "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceMap", "Optional", "OptionalGetElement",
    "ImageDecoder", "StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch", "TfIdfVectorizer",
}  # fmt: skip


@dataclass
class Audit:
    """The numbers of an artefact. ``refused`` is the reason why it cannot be used, in a sentence, or empty.

    ``parameters`` counts floating-point initialisers without batch-norm statistics, ``constants`` every other number.
    """

    refused: str = ""
    parameters: int = 0
    statistics: int = 0
    constants: int = 0
    largest: list[tuple[str, int]] = field(default_factory=list)
    nodes: int = 0
    unpacked: tuple[int, int] | None = None
    """(numbers used, numbers stored) where weights are unpacked from the digits of stored ones."""


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
    refused = _refusal_reason(model)
    if refused:
        return Audit(refused=refused)
    result = _count(model.graph)
    result.unpacked = unpacking.unpacked_numbers(model)
    return result


def _refusal_reason(model: ModelProto) -> str:
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
        if any(attribute.type not in _ATTRIBUTES for attribute in node.attribute):
            return f"the operator {node.op_type} holds a graph, a sparse tensor or a type"
    for tensor in _tensors(graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            return "the artefact points to data outside itself"
        if any(n < 0 for n in tensor.dims):
            return "a tensor has a negative dimension"
    return ""


def _tensors(graph: GraphProto) -> list[TensorProto]:
    inner = [tensor for node in graph.node for attribute in node.attribute for tensor in _attribute_tensors(attribute)]
    return [*graph.initializer, *inner]


def _count(graph: GraphProto) -> Audit:
    statistics = {
        node.input[i] for node in graph.node for i in _STATISTICS.get(node.op_type, ()) if i < len(node.input)
    }
    # A tensor that any other operator reads is no running statistic.
    other_inputs = {
        name for node in graph.node for i, name in enumerate(node.input) if i not in _STATISTICS.get(node.op_type, ())
    }
    # Neither are the statistics of a batch norm on a constant, which are weights by another name.
    constant = unpacking.constant_sources(graph)
    other_inputs |= {
        name for node in graph.node if node.op_type in _STATISTICS and node.input[0] in constant for name in node.input
    }
    statistics -= other_inputs
    result = Audit(nodes=len(graph.node))
    sizes: list[tuple[str, int]] = []
    structural = 0
    settings: set[float] = set()
    for tensor in graph.initializer:
        size = math.prod(tensor.dims)
        if tensor.name in statistics:
            result.statistics += size
        elif tensor.data_type in _FLOATING:
            result.parameters += size
            sizes.append((tensor.name[:200], size))
        elif _is_structure(tensor):
            structural += size
        else:
            result.constants += size
            sizes.append((tensor.name[:200], size))
    for node in graph.node:
        tensors = [tensor for attribute in node.attribute for tensor in _attribute_tensors(attribute)]
        structural += sum(math.prod(tensor.dims) for tensor in tensors if _is_structure(tensor))
        constants = sum(math.prod(tensor.dims) for tensor in tensors if not _is_structure(tensor))
        for attribute in node.attribute:
            if not _is_short(attribute):
                constants += _count_own_numbers(attribute)
            elif node.op_type == "Constant":
                structural += max(1, _count_own_numbers(attribute))
            elif attribute.type == AttributeProto.FLOAT:
                structural += 1
                settings.add(attribute.f)
        if constants:
            result.constants += constants
            sizes.append((f"{node.op_type} {node.name}"[:200], constants))
    if len(settings) > _SETTINGS:
        result.constants += len(settings)
        structural -= len(settings)
        sizes.append(("settings of operators", len(settings)))
    unexplained = result.statistics - _explained_statistics(graph)
    if unexplained > 0:
        result.statistics -= unexplained
        result.constants += unexplained
        sizes.append(("statistics of batch norms", unexplained))
    if structural > _MAX_STRUCTURAL:
        result.constants += structural
        sizes.append(("single numbers and short lists of whole ones", structural))
    result.largest = sorted(sizes, key=lambda pair: -pair[1])[:50]
    return result


def _explained_statistics(graph: GraphProto) -> int:
    """Number of statistics that batch norms may have: one for each learned number, or two for each layer output.

    A layer explains no more statistics than it has weights.
    """
    other_inputs = {name for node in graph.node if node.op_type not in _STATISTICS for name in node.input}
    learned = {name for node in graph.node if node.op_type in _STATISTICS for name in node.input[1:3]} - other_inputs
    weights = {
        node.input[_LAYERS[node.op_type]]
        for node in graph.node
        if len(node.input) > _LAYERS.get(node.op_type, len(node.input))
    }
    of_batch_norms = of_layers = 0
    for tensor in graph.initializer:
        size = math.prod(tensor.dims)
        of_batch_norms += size if tensor.name in learned else 0
        if tensor.name in weights and tensor.dims:
            of_layers += min(size, 2 * tensor.dims[0])
    return max(of_batch_norms, of_layers)


def _attribute_tensors(attribute: AttributeProto) -> list[TensorProto]:
    return [attribute.t] if attribute.type == AttributeProto.TENSOR else []


def _is_structure(tensor: TensorProto) -> bool:
    """A short list of whole numbers, or one scalar: shapes, axes, a factor. How many there may be is capped."""
    size = math.prod(tensor.dims)
    return size <= 1 or (tensor.data_type in _WHOLE and size <= _STRUCTURAL)


def _is_short(attribute: AttributeProto) -> bool:
    """One number, a word, or a short list of whole numbers: strides, pads, axes."""
    return not attribute.floats and _count_own_numbers(attribute) <= _STRUCTURAL


def _count_own_numbers(attribute: AttributeProto) -> int:
    """Numbers in an attribute's own lists; a word counts as one number for eight bytes, and as one at least."""
    words = sum(max(1, len(word) // 8) for word in (attribute.s, *attribute.strings) if word)
    return len(attribute.floats) + len(attribute.ints) + words
