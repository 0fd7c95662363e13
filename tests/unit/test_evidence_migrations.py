"""Evidence that any version ever stored is read and scored as it was then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.scores.computing import json_safe
from grader import evidence_migrations as migrations
from grader import scoring, stored_evidence
from grader.assignment import bundled
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.registry import CHECKS
from grader.evidence import Evidence

FOLDER = Path(__file__).parents[1] / "evidence"
FROZEN = {
    f"{path.stem} {number}": record
    for path in sorted(FOLDER.glob("*.json"))
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
        if stored["schema_version"] == read.schema_version:
            assert keeps(json_safe(read.model_dump(mode="python")), stored)
        scored = scoring.score(bundled(FROZEN[name].get("assignment", "hw13")), number, read)
        assert (scored.score, scored.verdict) == (FROZEN[name]["points"], FROZEN[name]["verdict"])
        assert scored.messages


@pytest.mark.parametrize("kind", CHECKS)
def test_every_version_of_a_kind_has_samples(kind: str) -> None:
    evidence = CHECKS[kind].evidence_type
    assert evidence.model_fields["schema_version"].default == len(evidence.upgrades) + 1
    samples = [sample["evidence"] for sample in FROZEN.values() if sample["evidence"]["kind"] == kind]
    assert {sample["schema_version"] for sample in samples} == {*range(1, len(evidence.upgrades) + 2)}


@pytest.mark.parametrize("read", [stored_evidence.parse, lambda data: stored_evidence.parse_json(json.dumps(data))])
def test_the_chain_of_a_kind_upgrades_that_kind_alone(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[dict[str, Any]], Evidence]
) -> None:
    def renamed(data: dict[str, Any]) -> dict[str, Any]:
        data["answer"] = data.pop("choice")
        return data

    def never_empty(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"answer": data["answer"] or None}

    monkeypatch.setattr(ChoiceEvidence, "upgrades", (renamed, never_empty))
    old = {"schema_version": 1, "kind": "choice", "choice": ""}
    assert read(old) == ChoiceEvidence(schema_version=3, answer=None)
    assert read({"schema_version": 2, "kind": "choice", "answer": ""}) == ChoiceEvidence(schema_version=3, answer=None)
    assert read({"schema_version": 3, "kind": "choice", "answer": ""}) == ChoiceEvidence(schema_version=3, answer="")
    assert old == {"schema_version": 1, "kind": "choice", "choice": ""}
    assert read({"schema_version": 1, "kind": "summary"}).schema_version == 1


def test_evidence_of_a_newer_version_is_refused_in_words() -> None:
    with pytest.raises(migrations.TooNew, match="schema version 99"):
        stored_evidence.parse({"schema_version": 99, "kind": "choice", "answer": "no"})
    with pytest.raises(migrations.TooNew):
        stored_evidence.parse_json('{"schema_version": 99, "kind": "choice"}')
