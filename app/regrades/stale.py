"""Which questions a remeasure has to measure: those that would be measured differently now.

Options that only scoring reads (points, keys, messages, the cost of a mistake) make nothing stale. All others do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.grading import reuse
from app.regrades import repository
from app.regrades.rows import ScoreRow
from grader import data
from grader.assignment import Assignment, Question
from grader.version import GRADER_VERSION

_SCORING_ONLY: Mapping[str, frozenset[str]] = {
    "architecture": frozenset({"small_constants"}),
    "summary": frozenset({"rows_differ_points"}),
    "kd_loss": frozenset({"hard_term_points", "soft_term_points", "mistakes"}),
    "choice": frozenset({"key", "explanation", "hint"}),
    "pruning": frozenset({"provisional_points", "baseline_points"}),
}
"""Options that measuring never reads, by check."""


def stale(session: Session, target: Assignment, rows: Mapping[str, ScoreRow], numbers: Iterable[str]) -> list[str]:
    """The questions whose current evidence differs from what measuring would give now."""
    return [
        number for number in numbers if number not in rows or not _is_current(session, target, rows[number], number)
    ]


def measuring_key(assignment: Assignment, question: Question) -> str:
    """A key that is equal for questions that the same grader measures alike on the same submission."""
    keys = [_key_of(assignment, one) for one in (question, *_rests_on(assignment, question))]
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def on_model(question: Question) -> bool:
    """Whether a question is measured on the model of another one."""
    return question.check in ("summary", "pruning") or bool(question.options.get("measure_times"))


def _is_current(session: Session, target: Assignment, row: ScoreRow, number: str) -> bool:
    evidence, grader_version, published = repository.measured_with(session, row.evidence_id)
    if grader_version != GRADER_VERSION or not reuse.is_current(evidence):
        return False
    measured_with = assignments.definition(published)
    try:
        former, current = measured_with.question(number), target.question(number)
    except KeyError:
        return False
    return measuring_key(measured_with, former) == measuring_key(target, current)


def _rests_on(assignment: Assignment, question: Question) -> list[Question]:
    checks = {"architecture"} if on_model(question) else set()
    if question.check == "pruning":
        checks.add("kd_loss")
    return [other for other in assignment.questions if other.check in checks]


def _key_of(assignment: Assignment, question: Question) -> str:
    options = {
        name: value for name, value in question.options.items() if name not in _SCORING_ONLY.get(question.check, ())
    }
    file_names = {value for value in options.values() if isinstance(value, str) and value in assignment.files}
    runs_code = question.check in ("architecture", "kd_loss")
    if assignment.prelude and runs_code:
        file_names.add(assignment.prelude)
    baselines = assignment.baselines_on(data.name_for(question.options))
    inputs: dict[str, Any] = {
        "check": question.check,
        "parts": question.parts,
        "options": options,
        "files": {name: assignment.files[name] for name in sorted(file_names)},
        "sandbox": dict(assignment.sandbox) if question.check != "choice" else None,
        "baselines": dict(baselines) if question.check == "pruning" else None,
    }
    return json.dumps(inputs, sort_keys=True, default=str)
