"""Audits an ONNX artefact: whether it is plain data, and how many numbers it has.

Runs in a measuring child, which never runs student code. The bytes come from the student's zone and may be anything.
Every number is in a stored tensor, which is counted, or in the canonical text of the graph, whose size is bounded.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from grader.measure import canonical, unpacking
from grader.measure.canonical import Canonical, NotCanonical

MAX_BYTES = 16 << 20
"""Ten times the size of a network of 100,000 float64 numbers with its graph."""
MAX_NODES, MAX_ENDS, MAX_RANK = 20_000, 100_000, 8
"""Nodes, the inputs and outputs of all of them, and axes of a tensor."""
TEXT_BYTES, TEXT_BYTES_A_NODE, MAX_TEXT_BYTES = 1_000, 3, 6_000
"""Most bytes of the compressed canonical text: so many, and some for each node, up to a maximum. Of 150 real networks a
Swin transformer of 1,323 nodes has most, 3,074; one of 228 nodes, two LSTM layers, has 1,183."""
_FLOATING = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16})
_BATCH_NORM = "BatchNormalization"
"""Its inputs: images, learned scale and shift, running mean and variance."""
_LAYERS = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "MatMul": 2, "BatchNormalization": 5}
"""Operators by the number of inputs that may be weights or statistics."""
_NAMED = 500
"""Stored tensors that are named, the largest first."""
_JOINED = 8
"""Most stored inputs of an operator that is followed, so that the work stays linear."""
_REFUSED = frozenset(
    {"If", "Loop", "Scan"}  # control flow: another network could hide in a branch, and a loop need not end
    | {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
    | {"SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceMap", "Optional", "OptionalGetElement"}
    | {"ImageDecoder", "StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch", "TfIdfVectorizer"}
)


@dataclass
class Audit:
    """The numbers of an artefact. ``refused`` is the reason why it cannot be used, in a sentence, or empty.

    ``parameters`` counts floating-point tensors without batch-norm statistics, ``constants`` every other number.
    """

    refused: str = ""
    parameters: int = 0
    statistics: int = 0
    constants: int = 0
    largest: list[tuple[str, int]] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)
    """The stored tensors that convolutions and matrix products take as weights, directly or after other operators on
    stored tensors alone."""
    nodes: int = 0
    has_fixed_batch: bool = False
    """The network takes one batch size only."""
    digest: str = ""
    """SHA-256 of every number that is counted. Two exports with the same digest hold the same numbers."""
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
    try:
        _refuse_other_than_data(model)
        exported = canonical.canonical(model)
        _refuse_odd_tensors(exported.graph)
        _refuse_long_text(exported)
        unpacking.refuse_other_readers(exported.graph)
    except NotCanonical as error:
        return Audit(refused=str(error))
    result = _count(exported)
    result.unpacked = unpacking.unpacked_numbers(exported.model)
    return result


def _refuse_other_than_data(model: ModelProto) -> None:
    graph = model.graph
    if model.functions or model.training_info:
        raise NotCanonical("the artefact defines functions of its own")
    if graph.sparse_initializer:
        raise NotCanonical("the artefact has sparse tensors")
    if len(graph.node) > MAX_NODES:
        raise NotCanonical(f"the graph has {len(graph.node)} nodes; at most {MAX_NODES} are read")
    ends = sum(len(node.input) + len(node.output) for node in graph.node)
    if ends > MAX_ENDS:
        raise NotCanonical(f"the nodes have {ends} inputs and outputs; at most {MAX_ENDS} are read")
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise NotCanonical("the network must have one input and one output")
    for node in graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type in _REFUSED:
            raise NotCanonical(f"the graph uses the operator {node.domain} {node.op_type}")


def _refuse_odd_tensors(graph: GraphProto) -> None:
    for tensor in graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise NotCanonical("the artefact points to data outside itself")
        has_elements = all(size > 0 for size in tensor.dims) or list(tensor.dims) == [0]
        if not has_elements or len(tensor.dims) > MAX_RANK:
            # An empty list is common; further dimensions of a tensor without elements are numbers that nothing counts.
            raise NotCanonical(f"a tensor has no elements, or more than {MAX_RANK} axes")


def _refuse_long_text(exported: Canonical) -> None:
    size, nodes = exported.compressed_size(), len(exported.graph.node)
    most = min(TEXT_BYTES + TEXT_BYTES_A_NODE * nodes, MAX_TEXT_BYTES)
    if size > most:
        raise NotCanonical(f"beside its weights the graph of {nodes} nodes holds {size} bytes; at most {most} are read")


def _count(exported: Canonical) -> Audit:
    graph = exported.graph
    free = _free_statistics(graph)
    batch = graph.input[0].type.tensor_type.shape.dim[:1]
    result = Audit(nodes=len(graph.node), has_fixed_batch=not batch or batch[0].HasField("dim_value"))
    sizes: list[tuple[str, int]] = []
    values: list[bytes] = []
    for tensor in graph.initializer:
        size = math.prod(tensor.dims)
        if exported.is_structure(tensor):
            continue
        values.append(hashlib.sha256(numpy_helper.to_array(tensor).tobytes()).digest())
        if tensor.name in free:
            result.statistics += size
        else:
            is_parameter = tensor.data_type in _FLOATING and tensor.name not in exported.literals
            result.parameters += size if is_parameter else 0
            result.constants += 0 if is_parameter else size
            sizes.append((tensor.name[:200], size))
    result.digest = hashlib.sha256(b"".join(sorted(values))).hexdigest()
    result.largest = sorted(sizes, key=lambda pair: -pair[1])[:_NAMED]
    operands = _operands(graph)
    result.operands = [name for name, _ in result.largest if name in operands]
    return result


def _operands(graph: GraphProto) -> set[str]:
    """Names of the stored tensors that reach a layer of `_LAYERS` through operators on stored tensors alone."""
    origins = {tensor.name: {tensor.name[:200]} for tensor in graph.initializer}
    operands: set[str] = set()
    for node in graph.node:  # in the order of computation
        stored = [origins[name] for name in node.input if name in origins]
        if taken := _LAYERS.get(node.op_type):
            operands = operands.union(*(origins[name] for name in node.input[:taken] if name in origins))
        elif stored and len(stored) == sum(bool(name) for name in node.input) <= _JOINED:
            origins |= dict.fromkeys(node.output, set().union(*stored))
    return operands


def _free_statistics(graph: GraphProto) -> set[str]:
    """Names of the running statistics that are no numbers of their own: two for each channel of a batch norm's input.

    In eval mode a batch norm is ``(x - mean) / sqrt(variance + epsilon) * scale + shift`` (Ioffe and Szegedy 2015,
    arXiv 1502.03167, algorithm 2): a factor and an offset for each channel. It holds no more than two numbers for each,
    which its learned scale and shift account for; where it learns none, those of the layer that it can be folded into
    (Jacob et al. 2018, arXiv 1712.05877, section 3.2). Each of these accounts for one set of statistics.
    """
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    norms = [node for node in graph.node if node.op_type == _BATCH_NORM]
    uses = Counter(
        (name, position if node.op_type == _BATCH_NORM else -1)
        for node in graph.node
        for name, position in {(name, position) for position, name in enumerate(node.input)}
    )
    roles = Counter(name for name, _ in uses)
    own = {name for name, position in uses if position > 0 and roles[name] == 1 and name in sizes}
    accounted: dict[str, tuple[str, str]] = {}
    free: set[str] = set()
    counted: set[str] = set()
    for node in norms:
        learned, statistics = (node.input[1], node.input[2]), (node.input[3], node.input[4])
        channels = sizes.get(statistics[0], 0)
        if own.issuperset(learned) and all(sizes[name] == channels for name in learned):
            carriers: tuple[str, ...] = learned
        else:
            carriers = _layer_weight(node, makers, sizes, channels)
        accounts = carriers and all(accounted.setdefault(name, statistics) == statistics for name in carriers)
        is_free = accounts and own.issuperset(statistics) and sizes[statistics[1]] == channels
        (free if is_free else counted).update(statistics)
    return free - counted


def _layer_weight(
    node: NodeProto, makers: dict[str, NodeProto], sizes: dict[str, int], channels: int
) -> tuple[str, ...]:
    """The stored weight of the nearest layer before a batch norm, if it can carry two numbers for each channel."""
    while (maker := makers.get(node.input[0])) is not None:
        node = maker
        if node.op_type in _LAYERS:
            turned = makers.get(node.input[1])
            weight = turned.input[0] if turned is not None and turned.op_type == "Transpose" else node.input[1]
            return (weight,) if sizes.get(weight, 0) >= 2 * channels else ()
        if not node.input:
            break
    return ()
