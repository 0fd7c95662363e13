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
_LAYERS = {"Conv": 1, "Gemm": 1, "Transpose": 0}
"""Where a layer's weight goes in, with an output a row; a linear layer on more than two axes transposes it first."""
_SETTINGS = 64
"""Different numbers in the settings of operators, such as epsilons and slopes: a network has a few. Not counted."""
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
        if any(attribute.type not in _ATTRIBUTES for attribute in node.attribute):
            return f"the operator {node.op_type} holds a graph, a sparse tensor or a type"
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
    settings: set[float] = set()
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
                structural += max(1, _listed(attribute))
            elif attribute.type == AttributeProto.FLOAT:
                structural += 1
                settings.add(attribute.f)
        if carried:
            found.constants += carried
            sizes.append((f"{node.op_type} {node.name}"[:200], carried))
    if len(settings) > _SETTINGS:
        found.constants += len(settings)
        structural -= len(settings)
        sizes.append(("settings of operators", len(settings)))
    unexplained = found.statistics - _explained(graph)
    if unexplained > 0:
        found.statistics -= unexplained
        found.constants += unexplained
        sizes.append(("statistics of batch norms", unexplained))
    if structural > _MAX_STRUCTURAL:
        found.constants += structural
        sizes.append(("single numbers and short lists of whole ones", structural))
    found.largest = sorted(sizes, key=lambda pair: -pair[1])[:50]
    return found


def _explained(graph: GraphProto) -> int:
    """Statistics that batch norms may have: one for each number that they learn, or two for each output of a layer.

    A layer of fewer weights than that, as one without inputs, explains no more than it has.
    """
    elsewhere = {name for node in graph.node if node.op_type not in _STATISTICS for name in node.input}
    learned = {name for node in graph.node if node.op_type in _STATISTICS for name in node.input[1:3]} - elsewhere
    weights = {
        node.input[_LAYERS[node.op_type]]
        for node in graph.node
        if len(node.input) > _LAYERS.get(node.op_type, len(node.input))
    }
    own = of_layers = 0
    for tensor in graph.initializer:
        size = math.prod(tensor.dims)
        own += size if tensor.name in learned else 0
        if tensor.name in weights and tensor.dims:
            of_layers += min(size, 2 * tensor.dims[0])
    return max(own, of_layers)


def _held(attribute: AttributeProto) -> list[TensorProto]:
    return [attribute.t] if attribute.type == AttributeProto.TENSOR else []


def _is_structure(tensor: TensorProto) -> bool:
    """A short list of whole numbers, or one scalar: shapes, axes, a factor. How many there may be is capped."""
    size = math.prod(tensor.dims)
    return size <= 1 or (tensor.data_type in _WHOLE and size <= _STRUCTURAL)


def _is_short(attribute: AttributeProto) -> bool:
    """One number, a word, or a short list of whole numbers: strides, pads, axes."""
    return not attribute.floats and _listed(attribute) <= _STRUCTURAL


def _listed(attribute: AttributeProto) -> int:
    """Numbers in an attribute's own lists; a word counts as one number for eight bytes, and as one at least."""
    words = sum(max(1, len(word) // 8) for word in (attribute.s, *attribute.strings) if word)
    return len(attribute.floats) + len(attribute.ints) + words
