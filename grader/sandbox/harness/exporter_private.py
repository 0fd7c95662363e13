"""The private names of torch's exporter to ONNX: a module of its own, because importing the exporter takes long.

As in `torch_private`, each may move with any release. See `docs/new-torch.md`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch._export.utils
from torch.export import ExportedProgram
from torch.onnx._internal.exporter import _decomp, _fx_passes, _registration

Operator = torch._ops.OpOverload
"""Class of the operators in an exported graph."""
BATCH_NORM = torch.ops.aten._native_batch_norm_legit_no_training.default
"""Batch norm in eval mode as the exporter translates it; returns the images and two statistics that nothing reads."""
SCALAR_ASSERTION = torch.ops.aten._assert_scalar.default
"""An assertion about a size of the input."""

Decomposition = Callable[[ExportedProgram, Any], ExportedProgram]
"""Turns a traced program and the exporter's registry into a program of operators that ONNX has."""
library_decomposition: Decomposition = _fx_passes.decompose_with_registry

REPLACED: tuple[tuple[Any, str], ...] = (
    (_fx_passes, "decompose_with_registry"),
    (_registration.ONNXRegistry, "from_torchlib"),
    (_decomp, "create_onnx_friendly_decomposition_table"),
    (torch._export.utils, "_materialize_cpp_cia_ops"),
)
"""(owner, attribute) of everything that the functions about the exporter replace, so that a test can restore it."""


def signature_updates(program: ExportedProgram) -> AbstractContextManager[None]:
    """Context in which the program's signature follows the nodes that are replaced in its graph."""
    replaced: AbstractContextManager[None] = program.graph_module._set_replace_hook(
        program.graph_signature.get_replace_hook()
    )
    return replaced


def replace_decomposition(decomposition: Decomposition) -> None:
    """Let every later export use this decomposition."""
    _fx_passes.decompose_with_registry = decomposition  # type: ignore[assignment]


def cache_exporter_tables(decompositions: dict[Any, Callable[..., Any]]) -> None:
    """Make the exporter's tables of functions and decompositions once, and add these decompositions.

    The tables depend on the versions of torch and onnxscript alone; making them for each model is half of an export.
    """
    registry = _registration.ONNXRegistry
    registry.from_torchlib = staticmethod(functools.cache(registry.from_torchlib))  # type: ignore[method-assign]
    make_table = _decomp.create_onnx_friendly_decomposition_table
    cached: dict[Any, Any] = {}

    def table(registered: set[Any]) -> dict[Any, Any]:
        if not cached:
            cached.update(make_table(registered))
            cached.update(decompositions)
        return dict(cached)  # the exporter removes entries

    _decomp.create_onnx_friendly_decomposition_table = table  # type: ignore[assignment]
    # Makes every operator of C++ known to Python, which once is enough for; the exporter does so 28 times a model.
    torch._export.utils._materialize_cpp_cia_ops = functools.cache(torch._export.utils._materialize_cpp_cia_ops)
