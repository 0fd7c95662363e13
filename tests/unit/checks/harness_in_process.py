"""The harness's own requests, answered in this process: for our reference losses, which are trusted code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from grader.checks.kd_loss import measure as kd_loss
from grader.evidence import Outcome, StudentError
from grader.sandbox.harness import loss, signature
from grader.sandbox.harness.errors import describe
from grader.sandbox.harness.student_module import StudentModule
from grader.sandbox.replies import Array, Reply


class HarnessInProcess:
    """A child without a sandbox around it, holding one loss under the name ``loss_fn_kd``."""

    def __init__(self, loss: Callable[..., Any]) -> None:
        torch.set_num_threads(int(kd_loss.LIMITS["torch_threads"]))
        self.student_module = StudentModule()
        self.student_module.namespace["loss_fn_kd"] = loss
        self.sent: list[tuple[str, dict[str, Any], tuple[Array, ...]]] = []

    stdout = ""

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        self.sent.append((op, meta or {}, tuple(array.copy() for array in arrays)))
        try:
            if op == "loss.inspect":
                answer, out = signature.inspect_entry(self.student_module, meta or {})
            else:
                answer, out = loss.call(self.student_module, meta or {}, tuple(arrays))
        except Exception as error:  # noqa: BLE001 - whatever the loss raises is its answer
            said = describe(error)
            fields = {name: said[name] for name in ("type", "message", "line", "source", "name", "traceback")}
            return Reply(Outcome.ERROR, error=StudentError(**fields))
        return Reply(Outcome.OK, answer, tuple(out))
