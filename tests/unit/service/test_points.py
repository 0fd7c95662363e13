"""Points on their way out: stored data, tables, statistics."""

from __future__ import annotations

import csv
import io
import json
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language import choose
from app.scores.computing import json_safe
from app.scores.table import ClassTable, QuestionCell, StudentRow, escape_formula, statistics
from app.submissions.models import State
from grader.scoring import Verdict


def row(student: str, score: float | None, verdict: Verdict = Verdict.FULL) -> StudentRow:
    """A student with one question of four points."""
    cell = QuestionCell(
        score=score or 0,
        max_score=4,
        verdict=verdict,
        overridden=False,
        confirmed=False,
        submission=uuid.UUID(int=1),
        late_days=0,
    )
    return StudentRow(
        student=student,
        name=f"=HYPERLINK({student})",
        student_id=None,
        submission=None,
        attempt=None,
        submitted_at=None,
        state=None if score is None else State.GRADED,
        score=score,
        max_score=4,
        needs_review=False,
        late=False,
        late_days=0,
        excused=False,
        questions={} if score is None else {"1": cell},
    )


def table(*rows: StudentRow) -> ClassTable:
    """A class with one question of four points."""
    return ClassTable(assignment="hw", questions=["1"], max_score=4, rows=list(rows))


def test_no_cell_of_the_csv_begins_a_formula() -> None:
    cells = list(csv.reader(io.StringIO(table(row("@student", 4)).csv())))
    assert cells[1][:2] == ["'@student", "'=HYPERLINK(@student)"]


@given(st.text())
def test_guarded_cells_never_begin_a_formula_and_lose_nothing(text: str) -> None:
    assert not escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert escape_formula(text).endswith(text)


def test_statistics_count_graded_students_only() -> None:
    numbers = statistics(table(row("a", 4), row("b", 1, Verdict.PARTIAL), row("c", 0, Verdict.NONE), row("d", None)))
    assert (numbers.students, numbers.graded) == (4, 3)
    assert (numbers.mean, numbers.median, numbers.lowest, numbers.highest) == (1.6667, 1, 0, 4)
    assert numbers.deviation == 1.6997
    assert [entry.count for entry in numbers.histogram] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert numbers.questions[0].verdicts == {"full": 1, "partial": 1, "none": 1}


def test_statistics_of_nobody_are_empty_not_an_error() -> None:
    numbers = statistics(table())
    assert (numbers.mean, numbers.highest, sum(entry.count for entry in numbers.histogram)) == (None, None, 0)


_DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
)


@given(_DATA)
def test_stored_data_is_json_and_utf8_whatever_student_code_made(data: Any) -> None:
    json.dumps(json_safe(data), allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_ordinary_data_is_stored_as_it_is() -> None:
    data = {"a": [1, 2.5, True, None, "中"], "b": {"c": ()}}
    assert json_safe(data) == {"a": [1, 2.5, True, None, "中"], "b": {"c": []}}
    assert json_safe([math.nan, math.inf, -math.inf, "\ud800"]) == ["nan", "inf", "-inf", "?"]


@pytest.mark.parametrize(
    ("lang", "accept", "language"),
    [
        (None, None, "en"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        (None, "en;q=0.5, zh-Hant;q=0.9", "zh-Hant"),
        (None, "fr, de", "en"),
        (None, "zh;q=0, en", "en"),
        (None, "zh;q=x", "en"),
        ("en", "zh", "en"),
        ("zh-Hant", "en", "zh-Hant"),
    ],
)
def test_the_language_is_the_first_one_we_speak(lang: str | None, accept: str | None, language: str) -> None:
    assert choose(lang, accept) == language
