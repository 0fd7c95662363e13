"""Inside the child, beside the student's code: receives requests, runs the code, answers in frames.

The student's zone begins here: nothing that this module sends is trusted, and it holds no expected value. Functions
that the student could replace are bound before the source runs; a student who breaks the harness breaks only his own
answers.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from grader.sandbox import answering
from grader.sandbox.frames import Answer, Operation
from grader.sandbox.harness import distil, errors, function, function_author, loss, model, signature
from grader.sandbox.harness.student_module import StudentModule, seed_generators


def operations() -> dict[str, Operation]:
    """Every operation on a student's code by its name in requests; see OPERATIONS.md."""
    student_module, loss_module = StudentModule(), StudentModule("submission_loss")
    training = distil.Training(student_module, loss_module)
    author = function_author.Author()
    return {
        "load": student_module.load,
        "model.build": lambda meta, arrays: model.build(student_module, meta),
        "model.count": lambda meta, arrays: model.count(student_module),
        "model.forward": lambda meta, arrays: model.forward(student_module, meta, arrays),
        "model.train_step": lambda meta, arrays: model.train_step(student_module, arrays),
        "model.layers": lambda meta, arrays: model.layers(student_module, meta),
        "model.export": lambda meta, arrays: _export(student_module, meta),
        "distil.load_loss": loss_module.load,
        "distil.inspect_loss": lambda meta, arrays: signature.inspect_entry(loss_module, meta),
        "distil.begin": training.begin,
        "distil.step": training.step,
        "distil.end": training.end,
        "loss.inspect": lambda meta, arrays: signature.inspect_entry(student_module, meta),
        "loss.call": lambda meta, arrays: loss.call(student_module, meta, arrays),
        "function.inspect": lambda meta, arrays: signature.inspect_entry(student_module, meta),
        "function.call": lambda meta, arrays: function.call(student_module.namespace, meta, arrays),
        "author.load": author.load,
        "author.draw": author.draw,
        "author.cases": author.cases,
        "author.call": author.call,
        "author.accepts": author.accepts,
    }


def _export(student_module: StudentModule, meta: dict[str, Any]) -> Answer:
    # The fork server imports this module where models are exported; elsewhere it would take a third of the start.
    from grader.sandbox.harness import export

    return export.export(student_module, meta)


def serve(torch_threads: int, table: dict[str, Operation]) -> None:
    """Answer requests until the pipe closes. An exception of the student's is an answer too."""
    torch.set_num_threads(torch_threads)
    seed_generators(int.from_bytes(os.urandom(8), "little") >> 1)
    answering.answer_requests(table, errors.describe)
