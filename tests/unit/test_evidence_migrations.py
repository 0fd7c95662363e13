"""Evidence that any version ever stored is read and scored as it was then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.scores.computing import json_safe
from grader import evidence_migrations as migrations
from grader import scoring, stored_evidence
from grader.assignment import bundled
from grader.checks.choice.evidence import ChoiceEvidence

FOLDER = Path(__file__).parents[1] / "evidence"
FROZEN = {
    f"{path.stem} {number}": record
    for path in sorted(FOLDER.glob("schema_*.json"))
    for number, record in enumerate(json.loads(path.read_text()))
}


def keeps(read: Any, stored: Any) -> bool:
    """Whether all that was stored is still there; what was added since may stand beside it."""
    if isinstance(stored, dict):
        return isinstance(read, dict) and all(name in read and keeps(read[name], stored[name]) for name in stored)
    if isinstance(stored, list) and len(stored) == len(read):
        return all(map(keeps, read, stored))
    return bool(read == stored)


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_evidence_says_what_it_said_and_can_be_scored(name: str) -> None:
    """Neither the facts nor the points change."""
    stored, number = FROZEN[name]["evidence"], FROZEN[name]["question"]
    for read in (stored_evidence.parse(stored), stored_evidence.parse_json(json.dumps(stored))):
        if stored["schema_version"] == migrations.current_version():
            assert keeps(json_safe(read.model_dump(mode="python")), stored)
        scored = scoring.score(bundled("hw13"), number, read)
        assert (scored.score, scored.verdict) == (FROZEN[name]["points"], FROZEN[name]["verdict"])
        assert scored.messages


def test_every_schema_version_has_frozen_records_of_every_kind() -> None:
    kinds = {"architecture", "summary", "kd_loss", "choice", "pruning"}
    for version in range(1, migrations.current_version() + 1):
        records = json.loads((FOLDER / f"schema_{version}.json").read_text())
        assert {record["evidence"]["kind"] for record in records} == kinds
        assert {record["evidence"]["schema_version"] for record in records} == {version}


def test_steps_lead_old_evidence_to_todays_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(data: dict[str, Any]) -> dict[str, Any]:
        data["answer"] = data.pop("choice")
        return data

    def never_empty(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"answer": data["answer"] or None}

    monkeypatch.setattr(migrations, "STEPS", (renamed, never_empty))
    old = {"schema_version": 1, "kind": "choice", "choice": ""}
    assert stored_evidence.parse(old) == ChoiceEvidence(schema_version=3, answer=None)
    assert stored_evidence.parse({"schema_version": 2, "kind": "choice", "answer": "no"}).schema_version == 3
    assert old == {"schema_version": 1, "kind": "choice", "choice": ""}


def test_old_json_text_takes_the_steps_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "STEPS", (lambda data: data | {"answer": "yes"},))
    monkeypatch.setattr(stored_evidence, "_CURRENT", re.compile('{"schema_version": 2, "kind": "(\\w+)", '))
    read = stored_evidence.parse_json('{"schema_version": 1, "kind": "choice", "answer": "no"}')
    assert isinstance(read, ChoiceEvidence)
    assert (read.answer, read.schema_version) == ("yes", 2)


def test_evidence_of_a_newer_version_is_refused_in_words() -> None:
    with pytest.raises(migrations.TooNew, match="schema version 99"):
        stored_evidence.parse({"schema_version": 99, "kind": "choice", "answer": "no"})
    with pytest.raises(migrations.TooNew):
        stored_evidence.parse_json('{"schema_version": 99, "kind": "choice"}')
