"""An exported graph in canonical form: a text of what it computes, without its weights.

Names, documentation, metadata and claimed shapes are left out, and each value is written as its distance from the node
that reads it. Whatever else an artefact says, in attributes, dimensions, short constants or wiring, is in the text. So
the size of the compressed text bounds the information that a graph carries beside its weights, wherever it hides it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

FEW = 16
"""Most whole numbers of a shape, a list of axes, or the ends of a slice. They are structure, and part of the text."""
_WHOLE = frozenset({TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL})
_SETTINGS = frozenset(
    {AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING, AttributeProto.TENSOR}
    | {AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS}
)


class NotCanonical(Exception):
    """The graph holds something that has no canonical form; the message says what, in a sentence."""


@dataclass(frozen=True)
class Canonical:
    """A graph without claims about shapes, with its constants among its initialisers.

    ``literals`` names the constants: a single number among them is structure, as the 0.5 of ``0.5 * x`` is.
    """

    model: ModelProto
    literals: frozenset[str]

    @property
    def graph(self) -> GraphProto:
        """The model's graph."""
        return self.model.graph

    def is_structure(self, tensor: TensorProto) -> bool:
        """Whether a tensor is a literal, or a short list of whole numbers: a shape, axes, ends."""
        size = math.prod(tensor.dims)
        return (tensor.data_type in _WHOLE and size <= FEW) or (size == 1 and tensor.name in self.literals)

    def text(self) -> str:
        """The text, a line for each node. Raises `NotCanonical`."""
        stored = {tensor.name: tensor for tensor in self.graph.initializer}
        places: dict[str, int] = {value.name: i for i, value in enumerate(self.graph.input)}
        first_uses: dict[str, int] = {}

        def reference(name: str) -> str:
            if name in places:
                return str(len(places) - places[name])
            if name in first_uses:
                return f"${len(first_uses) - first_uses[name]}"
            if name not in stored:
                return ""
            first_uses[name] = len(first_uses)
            return self._described(stored[name])

        lines = []
        for node in self.graph.node:
            inputs = " ".join(map(reference, node.input))
            lines.append(f"{node.op_type} {inputs} {len(node.output)}{_attributes(node)}")
            places |= {name: len(places) + i for i, name in enumerate(node.output)}
        lines += [self._described(tensor) for name, tensor in stored.items() if name not in first_uses]
        return "\n".join([*lines, *(reference(value.name) for value in self.graph.output)])

    def compressed_size(self) -> int:
        """Bytes of the compressed text. Raises `NotCanonical`."""
        return len(zlib.compress(self.text().encode(), 9))

    def _described(self, tensor: TensorProto) -> str:
        """A stored tensor's dimensions, and its numbers if they are structure."""
        dims = "x".join(map(str, tensor.dims))
        return f"<{dims}:{_numbers(tensor)}>" if self.is_structure(tensor) else f"<{dims}>"


def canonical(model: ModelProto) -> Canonical:
    """The canonical form of a checked model, which is changed in place. Raises `NotCanonical`."""
    graph = model.graph
    del graph.value_info[:]
    constants = [_constant(node) for node in graph.node if node.op_type == "Constant"]
    nodes = [node for node in graph.node if node.op_type != "Constant"]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    return Canonical(model, frozenset(tensor.name for tensor in constants))


def _constant(node: NodeProto) -> TensorProto:
    if len(node.attribute) != 1 or len(node.output) != 1:
        raise NotCanonical("a constant has no value")
    value = node.attribute[0]
    if value.type == AttributeProto.TENSOR:
        tensor = TensorProto()
        tensor.CopyFrom(value.t)
    elif value.name in ("value_float", "value_floats"):
        numbers = np.array(value.f if value.name == "value_float" else list(value.floats), np.float32)
        tensor = numpy_helper.from_array(numbers)
    elif value.name in ("value_int", "value_ints"):
        tensor = numpy_helper.from_array(np.array(value.i if value.name == "value_int" else list(value.ints), np.int64))
    else:
        raise NotCanonical("a constant is a word or a sparse tensor")
    tensor.name = node.output[0]
    return tensor


def _numbers(tensor: TensorProto) -> str:
    return _joined(numpy_helper.to_array(tensor).ravel().tolist())


def _attributes(node: NodeProto) -> str:
    return "".join(f" {one.name}={_setting(node, one)}" for one in sorted(node.attribute, key=lambda one: one.name))


def _setting(node: NodeProto, attribute: AttributeProto) -> str:
    if attribute.type not in _SETTINGS:
        raise NotCanonical(f"the operator {node.op_type} holds a graph, a sparse tensor or a type")
    if attribute.type == AttributeProto.TENSOR:
        return _numbers(attribute.t)
    return _joined(
        [
            *([attribute.f] if attribute.type == AttributeProto.FLOAT else attribute.floats),
            *([attribute.i] if attribute.type == AttributeProto.INT else attribute.ints),
            *([attribute.s] if attribute.type == AttributeProto.STRING else attribute.strings),
        ]
    )


def _joined(values: Iterable[object]) -> str:
    return ",".join(f"{value:.9g}" if isinstance(value, float) else str(value) for value in values)
