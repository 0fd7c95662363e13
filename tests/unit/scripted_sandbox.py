"""A sandbox whose children answer from a script, for tests of what the engine does with answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from grader import pipeline
from grader.assignment import Assignment
from grader.evidence import LimitHit, Outcome, StudentError
from grader.sandbox.child import Cancelled, LockedChild
from grader.sandbox.policy import Limits, Policy, default
from grader.sandbox.replies import Array, Reply
from grader.sandbox.spares import Role
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts

PARAMETERS = 50_000
SUMMARY = f"Linear-1 [-1, 11] {PARAMETERS:,}\nTotal params: {PARAMETERS:,}"
MODEL = "import torch\ndef get_student_model():\n    return torch.nn.Linear(1, 1)\n"
Answer = Reply | Callable[[], Reply]


def plot() -> bytes:
    picture = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(picture).line([(20, 20), (190, 140)], fill="navy", width=3)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


SUBMISSION = SubmittedParts(
    {
        "model": Part(MODEL.encode()),
        "loss": Part(b"def other(): pass\n"),
        "summary": Part(SUMMARY.encode()),
        "answers": Part(b'{"2.2": "softer", "3.2": "no"}'),
        "pruning_plot": Part(plot()),
    }
)


def logits(batch: int, value: float = 1.0) -> Array:
    """Logits (batch, 11) that differ from picture to picture."""
    return np.full((batch, 11), value, dtype=np.float32) + np.arange(batch, dtype=np.float32)[:, None]


def ok_reply(*arrays: Array, **meta: Any) -> Reply:
    return Reply(Outcome.OK, meta, arrays)


def failed_reply(outcome: Outcome = Outcome.ERROR) -> Reply:
    """A request that ended in an error, or at a limit."""
    if outcome is Outcome.ERROR:
        return Reply(outcome, error=StudentError(type="RuntimeError", message="no"))
    limits = {Outcome.TIMEOUT: LimitHit(limit="CPU time", allowed=40, used=40, unit="s")}
    return Reply(outcome, limit=limits.get(outcome))


def audit(**changes: Any) -> Reply:
    """The reply of the artefact's audit."""
    counts = {"parameters": PARAMETERS, "statistics": 0, "constants": 0, "nodes": 3, "largest": [], "operands": []}
    return Reply(Outcome.OK, {"refused": None, "unpacked": None, "has_fixed_batch": False, **counts, **changes})


HONEST: Mapping[str, Answer] = {
    "load": ok_reply(defines=[]),
    "model.build": ok_reply(module=True),
    "model.train_step": ok_reply(logits(2), kind="tensor", reached=2, tensors=2, unused=[]),
    "model.count": ok_reply(parameters=PARAMETERS, trainable=PARAMETERS, hidden_numbers=0, names=["a", "b"], hidden=[]),
    "model.layers": ok_reply(mult_adds=1_000, torchsummary_total=PARAMETERS, rows=[], idle=[]),
    "model.export": ok_reply(np.zeros(8, np.uint8)),
    "artefact.audit": audit(),
    "network.times": ok_reply(seconds=[[0.01] * 4, [0.01] * 4]),
    "loss.inspect": ok_reply(missing=True),
}
"""The answers of an honest model. Any other request fails."""


@dataclass(frozen=True)
class Order:
    """The request for a child, and its remaining wall time."""

    role: Role
    limits: Limits
    wall_seconds: float


class ScriptedChild(LockedChild):
    """Answers from the script, and checks after each answer whether the grading was cancelled."""

    def __init__(self, sandbox: ScriptedSandbox, limits: Limits, cancelled: Callable[[], bool], role: Role) -> None:
        self.limits, self.stalled_seconds = limits, 0.0
        self._sandbox, self._cancelled, self._role = sandbox, cancelled, role

    @property
    def stdout(self) -> str:
        return ""

    def shorten(self, wall_seconds: float) -> None:
        self._sandbox.orders.append(Order(self._role, self.limits, min(wall_seconds, self.limits.wall_seconds)))

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        self._sandbox.requests.append(op)
        is_pass = op in ("model.forward", "artefact.run")
        default_answer = ok_reply(logits(len(arrays[-1])), kind="tensor") if is_pass else failed_reply()
        answer = self._sandbox.script.get(op, default_answer)
        reply = answer if isinstance(answer, Reply) else answer()
        if self._cancelled():
            raise Cancelled
        return reply


class ScriptedSandbox(Sandbox):
    """Needs no start. ``orders`` and ``requests`` are in the order of time."""

    def __init__(self, script: Mapping[str, Answer] = {}, policy: Policy | None = None) -> None:
        super().__init__(policy or default())
        self.script = {**HONEST, **script}
        self.orders: list[Order] = []
        self.requests: list[str] = []

    @contextmanager
    def child(
        self,
        limits: Limits | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        role: Role = "student",
    ) -> Iterator[LockedChild]:
        yield ScriptedChild(self, limits or self.policy.limits, cancelled, role)


def examine(assignment: Assignment, script: Mapping[str, Answer]) -> tuple[pipeline.Grading, ScriptedSandbox]:
    sandbox = ScriptedSandbox(script)
    return pipeline.run_first_stage(assignment, SUBMISSION, sandbox), sandbox
