"""A hostile submission as a row of a table: what must come of it, and its code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment
from grader.evidence import CodeEvidence, Outcome
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts

ATTACKS = Path(__file__).with_name("attacks")
_ROW = re.compile(r"=== (?P<name>\w+): (?P<outcome>\w+) (?P<verdict>\w+)(?P<fields>(?:; [a-z-]+=[^;]+)*)")
_SECTION = re.compile(r"^--- (\w+)\n", re.M)
_IMPORTS = """import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading

import torch
from torch import nn
from torch.nn import functional as F

libc = ctypes.CDLL(None, use_errno=True)


def call(what, result):
    if result == -1:
        raise OSError(ctypes.get_errno(), what)


def large_network():
    return nn.Sequential(
        nn.Conv2d(3, 400, 3), nn.ReLU(), nn.Conv2d(400, 55, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(55, 11)
    )


"""
_LOSS = "def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):\n"
_HONEST_BODY = """    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
_NETWORK = """class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
{}
    def forward(self, x):
{}

def get_student_model():
    return StudentNet()
"""
_PARTS = {"1.1": "model", "2.1": "loss"}
LOWERED = {"cpu_seconds": 4, "wall_seconds": 20, "idle_seconds": 60, "memory_mb": 600, "output_mb": 1, "threads": 64}
"""Limits with which running into them takes seconds. What sleeps meets the wall time."""
_OPTIONAL = {"error", "limit", "stage", "says", "prints", "wall", "expected-later"}


@dataclass(frozen=True)
class Submission:
    """One hostile submission and its expectation.

    ``name`` is its group and the outcome that it is named by, ``text`` its code as the row has it.

    ``error`` is the exception's type, ``limit`` the limit that was hit, ``stage`` where it failed, ``says`` a piece of
    the error's message, ``prints`` a piece of what the code printed, ``wall`` a shorter wall time in seconds,
    ``expected-later`` the issue that will make the expectation hold.
    """

    name: str
    source: bytes
    question: str
    outcome: Outcome
    verdict: Verdict
    expected: Mapping[str, str]
    text: str

    @property
    def group(self) -> str:
        """What kind of attack it is."""
        return self.name.partition("/")[0]

    @property
    def is_an_error(self) -> bool:
        """Whether it ends in an exception that its own code could have caught, so that its child goes on."""
        return _SECTION.search(self.text) is None and "error" in self.expected and "says" not in self.expected

    @property
    def ends_its_child(self) -> bool:
        """Whether its child is killed or dies, rather than answers."""
        return self.outcome not in (Outcome.OK, Outcome.ERROR) and not self.is_an_error

    @property
    def says_what_it_wants(self) -> bool:
        """Whether it begins with a sentence for its reader."""
        return self.text.startswith("# ")

    def parts(self) -> SubmittedParts:
        """The file as a student would hand it in."""
        return SubmittedParts({_PARTS[self.question]: Part(self.source, f"{self.name.partition('/')[2]}.py")})

    def limits_of(self, assignment: Assignment) -> Assignment:
        """The assignment with this file's own limits: more time where something else than time must end it.

        Otherwise a slow machine would decide whether, say, memory or CPU time ends first.
        """
        limits = dict(assignment.sandbox)
        if self.outcome in (Outcome.MEMORY, Outcome.DIED, Outcome.ERROR):
            limits |= {"cpu_seconds": 30, "wall_seconds": 90}
        if self.expected.get("limit") == "CPU time":
            limits |= {"cpu_seconds": 1, "wall_seconds": 200}
        if "wall" in self.expected:
            limits["wall_seconds"] = float(self.expected["wall"])
        return assignment.model_copy(update={"sandbox": limits})

    def differences(self, evidence: CodeEvidence, verdict: Verdict, points: float) -> dict[str, object]:
        """What came out otherwise than the file says; empty when all is as expected."""
        error, limit = evidence.error, evidence.limit
        actual: dict[str, object] = {"outcome": evidence.outcome, "verdict": verdict}
        expected: dict[str, object] = {"outcome": self.outcome, "verdict": self.verdict}
        if self.verdict is not Verdict.FULL:
            actual["points"], expected["points"] = points, 0.0
        limit_fields = {
            "error": error.type if error else None,
            "limit": limit.limit if limit else None,
            "stage": evidence.stage,
        }
        for name in limit_fields.keys() & self.expected.keys():
            actual[name], expected[name] = limit_fields[name], self.expected[name]
        if self.expected.get("says", "") not in (error.message if error else ""):
            actual["says"] = error
        if self.expected.get("prints", "") not in evidence.stdout:
            actual["prints"] = evidence.stdout[:500]
        return {name: value for name, value in actual.items() if expected.get(name) != value}


def loss_with(attack: str) -> str:
    """A right loss that begins with these statements, and in which common modules are imported."""
    return f"{_IMPORTS}{_LOSS}{textwrap.indent(attack, '    ')}\n{_HONEST_BODY}"


def source_of(text: str) -> str:
    """The submission that a row's text stands for: a whole one, or sections that are put in their places.

    Raises ``ValueError`` for sections that do not make a submission.
    """
    top, *pieces = _SECTION.split(text)
    sections = dict(zip(pieces[::2], pieces[1::2], strict=True))
    if not sections:
        return loss_with(top)
    match sections:
        case {"whole": whole}:
            return whole
        case {"loss": body}:
            definition = _LOSS + textwrap.indent(body, "    ")
        case {"model": body}:
            definition = "def get_student_model():\n" + textwrap.indent(body, "    ")
        case {"network": init, "forward": forward}:
            definition = _NETWORK.format(textwrap.indent(init, " " * 8), textwrap.indent(forward, " " * 8))
        case _:
            raise ValueError(f"sections {list(sections)} make no submission")
    return f"{_IMPORTS}{top}\n\n{definition}"


def rows(path: Path) -> Iterator[Submission]:
    """The attacks of a table. Raises ``ValueError`` for one that is not complete or not known."""
    for row in re.split(r"^(?====)", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, text = row.partition("\n")
        match = _ROW.fullmatch(head)
        if match is None:
            raise ValueError(f"{path}: {head!r} is no head of a row")
        fields = dict(field.split("=", 1) for field in match["fields"].split("; ")[1:])
        header = {"question": "2.1", "outcome": match["outcome"], "verdict": match["verdict"], **fields}
        yield _submission(f"{path.stem}/{match['name']}", header, text)


def _submission(name: str, header: dict[str, str], text: str) -> Submission:
    question, outcome, verdict = header.pop("question"), Outcome(header.pop("outcome")), Verdict(header.pop("verdict"))
    if question not in _PARTS or header.keys() - _OPTIONAL:
        raise ValueError(f"{name} has an unknown field: {question}, {header}")
    return Submission(name, source_of(text).encode(), question, outcome, verdict, header, text)


def everything() -> list[Submission]:
    """Every hostile submission, in the order of groups and names."""
    return sorted((row for path in ATTACKS.glob("*.txt") for row in rows(path)), key=lambda one: one.name)
