"""What students are told of regrades: those that changed their points, the last one of a question."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from sqlalchemy.orm import Session

from app.regrades import repository
from app.reports import regrade_notes

FIRST, SECOND = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def test_a_regrade_that_leaves_the_points_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        ("1.1", 0.5, 0.5, FIRST),
        ("2.1", 0.0, 0.25, FIRST),
        ("2.2", 0.0, 0.25, FIRST),
        ("2.1", 0.25, 0.5, SECOND),
        ("2.2", 0.25, 0.25, SECOND),
    ]
    monkeypatch.setattr(repository, "published_for", Mock(return_value=rows))
    changes = regrade_notes.published_changes(Mock(spec=Session), uuid.uuid4())
    assert {question: regrade_notes.question_note(change, "en").text for question, change in changes.items()} == {
        "2.1": "This question was regraded on 2026-03-02: 0.25 points became 0.5.",
        "2.2": "This question was regraded on 2026-03-01: 0 points became 0.25.",
    }
