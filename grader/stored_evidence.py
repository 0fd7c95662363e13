"""Read stored evidence of any version of its kind up to the current one."""

from __future__ import annotations

import json
import re
from typing import Any

from grader import evidence_migrations as migrations
from grader.checks.registry import CHECKS
from grader.evidence import Evidence, Fault

_HEAD = re.compile(r'{"schema_version": (\d+), "kind": "(\w+)", ')


def parse(data: dict[str, Any]) -> Evidence:
    """The evidence in stored data.

    Raises ``pydantic.ValidationError`` for other data, `evidence_migrations.TooNew`, or ``ValueError`` for an unknown
    kind.
    """
    evidence_type = _type_of(str(data.get("kind")))
    return evidence_type.model_validate(migrations.upgrade(data, evidence_type.upgrades))


def for_students(data: dict[str, Any]) -> dict[str, Any]:
    """Stored data without the fields that only staff read; nothing of a kind that is not known here."""
    if data.get("kind") not in CHECKS:
        return {}
    hidden = _type_of(data["kind"]).staff_only()
    return {name: value for name, value in data.items() if name not in hidden}


def of_fault(check: str, fault: Fault) -> Evidence:
    """Evidence without facts, because the grader or its infrastructure failed."""
    return _type_of(check).model_validate({"fault": fault})


def parse_json(text: str) -> Evidence:
    """As `parse`, from JSON text: several times faster, for whole classes."""
    head = _HEAD.match(text)
    if head is not None:
        evidence_type = _type_of(head[2])
        if int(head[1]) == len(evidence_type.upgrades) + 1:
            return evidence_type.model_validate_json(text)
    return parse(json.loads(text))


def _type_of(kind: str) -> type[Evidence]:
    if kind not in CHECKS:
        raise ValueError(f"there is no check {kind!r} here that could read its evidence")
    evidence_type: type[Evidence] = CHECKS[kind].evidence_type
    return evidence_type
