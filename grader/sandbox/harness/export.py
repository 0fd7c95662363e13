"""The request for the model's artefact: exports the live model to ONNX. Runs beside the student's code.

The answer is bytes from the student's zone. The trusted side audits them and compares them with the live model on fresh
inputs.
"""

from __future__ import annotations

import contextlib
import gc
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import Answer
from grader.sandbox.harness import decompose, exporter_private, layers, tensor_names
from grader.sandbox.harness.student_module import StudentModule

MAX_BATCH = 1024


def export(student_module: StudentModule, meta: dict[str, Any]) -> Answer:
    """The model in eval mode as ONNX: batch dynamic where the model allows it, names and batch norm kept.

    With ``batch``, for that batch size alone.
    """
    assert student_module.model is not None
    shape = [int(n) for n in meta["input_shape"]]
    if "batch" in meta:
        try:
            data = onnx_bytes(student_module.model, shape, dynamic=False, batch=int(meta["batch"]))
        except Exception as error:
            raise ExportError(_cause(error)) from error
        return {"dynamic": False}, [np.frombuffer(data, np.uint8)]
    try:
        data, dynamic = onnx_bytes(student_module.model, shape, dynamic=True), True
    except Exception:  # export a model that fixes its batch size for one image
        dynamic = False
        try:
            data = onnx_bytes(student_module.model, shape, dynamic=False)
        except Exception as error:
            raise ExportError(_cause(error)) from error
    return {"dynamic": dynamic}, [np.frombuffer(data, np.uint8)]


class ExportError(Exception):
    """The model could not be exported; the message is the exporter's own reason."""


def _cause(error: BaseException) -> str:
    """The first line of the innermost cause; the outer ones are advice about the exporter."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else ''}"


def onnx_bytes(model: torch.nn.Module, shape: list[int], *, dynamic: bool, batch: int = 1) -> bytes:
    """Export without optimisation, because folded batch norms and merged constants could not be counted.

    For every batch size if it is ``dynamic``, else for ``batch`` images.
    """
    if isinstance(model, torch.nn.DataParallel):
        # Its forward counts devices, which fixes the batch size; without a GPU it is the module that it wraps.
        model = model.module
    model.eval()
    any_batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    # Keep the exporter's progress and warnings out of the student's output.
    quiet = io.StringIO()
    with (
        _without_collector(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
        torch.no_grad(),
    ):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            (torch.zeros(2 if dynamic else batch, *shape),),
            dynamo=True,
            optimize=False,
            verbose=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: any_batch},) if dynamic else None,
        )
        assert program is not None
        tensor_names.restore_names(program.model.graph)
        exported = program.model_proto
    if dynamic and exported.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_value"):
        # A loop over the batch was unrolled: the graph is right for two images only.
        raise ExportError("the batch size is fixed")
    return bytes(exported.SerializeToString())


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Context without garbage collection: an export makes a million objects that live to its end."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def warm_up() -> None:
    """Import and run the exporter, cache its tables, and give it the shorter way to ONNX's operators."""
    exporter_private.cache_exporter_tables(layers.DECOMPOSITIONS)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1, groups=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 11),
    )
    for decomposition in (exporter_private.library_decomposition, decompose_program):
        exporter_private.replace_decomposition(decomposition)
        onnx_bytes(model, [3, 8, 8], dynamic=True)


def decompose_program(exported_program: torch.export.ExportedProgram, registry: Any) -> torch.export.ExportedProgram:
    """The program with ONNX's operators: by the shorter way where it knows every operator, else by the library's."""
    program = tensor_names.with_neutral_names(exported_program)
    if decompose.decompose_in_place(program):
        return program
    return exporter_private.library_decomposition(program, registry)
