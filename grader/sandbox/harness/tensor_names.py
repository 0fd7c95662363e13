"""Gives a model's tensors names that collide with no other while it is exported, and restores them.

The exporter keeps tensors and computed values in one name space, and it generates Python that reads tensors as
attributes. A parameter named ``add`` would be another sum, and one named ``class`` would be no Python.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TypeVar

import onnx_ir
from torch.export import ExportedProgram
from torch.export.graph_signature import ExportGraphSignature, InputSpec, OutputKind, OutputSpec

_PREFIX = "own_tensor_"
_Spec = TypeVar("_Spec", InputSpec, OutputSpec)
_MUTATED = (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION)
"""Outputs whose target is a tensor of the model; the target of the others is an input."""


def with_neutral_names(program: ExportedProgram) -> ExportedProgram:
    """The program with its parameters, buffers and constants under names that encode the model's own in hexadecimal."""
    signature = program.graph_signature
    return ExportedProgram(
        root=program.graph_module,
        graph=program.graph,
        graph_signature=ExportGraphSignature(
            [_with_neutral_target(spec) for spec in signature.input_specs],
            [_with_neutral_target(spec) if spec.kind in _MUTATED else spec for spec in signature.output_specs],
        ),
        state_dict={_neutral_name(name): tensor for name, tensor in program.state_dict.items()},
        range_constraints=program.range_constraints,
        module_call_graph=program.module_call_graph,
        example_inputs=program.example_inputs,
        constants={_neutral_name(name): constant for name, constant in program.constants.items()},
        verifiers=program.verifiers,
    )


def restore_names(graph: onnx_ir.Graph) -> None:
    """Give the tensors of an exported graph the model's own names, and rename every value that has such a name."""
    tensors = list(graph.initializers.values())
    own_names = {tensor: _original_name(str(tensor.name)) for tensor in tensors}
    names = {name for name in own_names.values() if name}
    other_values = [*graph.inputs, *_computed_values(graph), *(tensor for tensor in tensors if not own_names[tensor])]
    used_names = names | {str(value.name) for value in other_values}
    graph.initializers.clear()
    for value in other_values:
        if value.name in names:
            value.name = _unused_name(value.name, used_names)
            used_names.add(value.name)
    for tensor in tensors:
        tensor.name = own_names[tensor] or tensor.name
        graph.initializers.add(tensor)


def _with_neutral_target(spec: _Spec) -> _Spec:
    return spec if spec.target is None else dataclasses.replace(spec, target=_neutral_name(spec.target))


def _neutral_name(name: str) -> str:
    return _PREFIX + name.encode().hex()


def _original_name(name: str) -> str:
    """The model's own name of a tensor; empty for a constant that the exporter made."""
    return bytes.fromhex(name.removeprefix(_PREFIX)).decode() if name.startswith(_PREFIX) else ""


def _computed_values(graph: onnx_ir.Graph) -> Iterator[onnx_ir.Value]:
    for node in onnx_ir.traversal.RecursiveGraphIterator(graph):
        yield from node.outputs


def _unused_name(name: str, used_names: set[str]) -> str:
    while name in used_names:
        name += "_"
    return name
