"""The points of known mistakes of a loss: the rows of an assignment, and its default for all others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from grader.assignment import Assignment, Question
from grader.check import is_points

DEFAULT = "default"


def rows(assignment: Assignment, question: Question) -> Mapping[str, Any]:
    """The rows of a question, with `DEFAULT` replaced by a row for each known mistake made alone that has no row.

    A default that cannot be applied stays as it is: `grader.assignment_check` says what is wrong.
    """
    written: Mapping[str, Any] = question.options.get("mistakes", {})
    default = written.get(DEFAULT)
    table = assignment.files.get(str(question.options.get("known_mistakes")), "")
    if not isinstance(default, dict) or not is_points(default.get("points"), question):
        return written
    try:
        single = dict.fromkeys(_single_mistakes(table), default)
    except (ValueError, KeyError, TypeError):
        return written
    return {**single, **{name: row for name, row in written.items() if name != DEFAULT}}


@lru_cache(maxsize=16)
def _single_mistakes(table: str) -> tuple[str, ...]:
    """The known mistakes of a table that are made alone. Raises what an unreadable table raises."""
    return tuple(mistake["ids"][0] for mistake in json.loads(table)["mistakes"] if len(mistake["ids"]) == 1)
