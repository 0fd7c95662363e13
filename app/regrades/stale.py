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
from grader import stored_evidence
from grader.assignment import Assignment, Question
from grader.check import ForScoring
from grader.checks import registry
from grader.version import GRADER_VERSION


def stale(session: Session, target: Assignment, rows: Mapping[str, ScoreRow], numbers: Iterable[str]) -> list[str]:
    """The questions whose current evidence differs from what measuring would give now."""
    return [
        number for number in numbers if number not in rows or not _is_current(session, target, rows[number], number)
    ]


def measuring_key(assignment: Assignment, question: Question) -> str:
    """A key that is equal for questions that the same grader measures alike on the same submission."""
    keys = [_key_of(assignment, one) for one in (question, *rests_on(assignment, question))]
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def rests_on(assignment: Assignment, question: Question) -> list[Question]:
    """The other questions whose evidence measuring this one reads."""
    kinds = {evidence_type.check() for evidence_type in registry.of(question).rests_on(question)}
    return [other for other in assignment.questions if other.check in kinds]


def _is_current(session: Session, target: Assignment, row: ScoreRow, number: str) -> bool:
    evidence, grader_version, published = repository.measured_with(session, row.evidence_id)
    if grader_version != GRADER_VERSION or not reuse.is_current(stored_evidence.parse(evidence)):
        return False
    measured_with = assignments.definition(published)
    try:
        former, current = measured_with.question(number), target.question(number)
    except KeyError:
        return False
    return measuring_key(measured_with, former) == measuring_key(target, current)


def _key_of(assignment: Assignment, question: Question) -> str:
    check = registry.of(question)
    for_scoring = check.options_type.marked(ForScoring)
    options = {name: value for name, value in question.options.items() if name not in for_scoring}
    file_names = {value for value in options.values() if isinstance(value, str) and value in assignment.files}
    if assignment.prelude and check.runs_code:
        file_names.add(assignment.prelude)
    inputs: dict[str, Any] = {
        "check": question.check,
        "parts": question.parts,
        "options": options,
        "files": {name: assignment.files[name] for name in sorted(file_names)},
        **check.inputs(assignment, question),
    }
    return json.dumps(inputs, sort_keys=True, default=str)
