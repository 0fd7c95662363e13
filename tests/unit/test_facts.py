"""Facts, then words: no point, verdict or review depends on the id or the text of a message."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import grader
from grader import messages, scoring, stored_evidence
from grader.assignment import bundled
from grader.checks.registry import CHECKS
from grader.evidence import Note

ROOT = Path(grader.__file__).parent
SAMPLES = [
    record
    for path in sorted((Path(__file__).parents[1] / "evidence").glob("schema_*.json"))
    for record in json.loads(path.read_text())
]
MAKE_MESSAGES = {"checks/code_failure.py", "messages/__init__.py", "scoring.py", "telling.py", "verdicts.py"}


def results() -> list[tuple[Any, ...]]:
    hw13 = bundled("hw13")
    scores = [scoring.score(hw13, sample["question"], stored_evidence.parse(sample["evidence"])) for sample in SAMPLES]
    return [(score.score, score.verdict, score.fault, len(score.messages)) for score in scores]


def test_other_ids_and_texts_of_all_messages_change_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    before = results()
    assert len({verdict for _, verdict, _, _ in before}) >= 5
    ids = sorted(messages.ids())
    swapped = dict(zip(ids, reversed(ids), strict=True))
    catalogue = {swapped[key]: dict.fromkeys(texts, "?") for key, texts in messages.catalogue().items()}
    usual = Note.__init__

    def swap(self: Note, /, **fields: Any) -> None:
        usual(self, **fields | {"id": swapped.get(fields["id"], "unknown")})

    monkeypatch.setattr(Note, "__init__", swap)
    monkeypatch.setattr(messages, "catalogue", lambda: catalogue)
    assert results() == before


def test_only_scoring_makes_messages() -> None:
    """Whatever reads and measures writes facts."""
    making = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "Note"
    }
    assert {path for path in making if not path.endswith("/score.py")} == MAKE_MESSAGES


@pytest.mark.parametrize("kind", CHECKS)
def test_each_note_of_stored_evidence_is_a_fact_of_its_kind(kind: str) -> None:
    notes = {
        note["id"] for sample in SAMPLES if sample["evidence"]["kind"] == kind for note in sample["evidence"]["notes"]
    }
    assert notes <= CHECKS[kind].evidence_type.facts
