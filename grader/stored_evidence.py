"""Read stored evidence of any schema version up to the current one."""

from __future__ import annotations

import json
import re
from typing import Any

from grader import evidence_migrations as migrations
from grader.checks.registry import CHECKS
from grader.evidence import SCHEMA_VERSION, Evidence, Fault

_CURRENT = re.compile(rf'{{"schema_version": {SCHEMA_VERSION}, "kind": "(\w+)", ')


def parse(data: dict[str, Any]) -> Evidence:
    """The evidence in stored data.

    Raises ``pydantic.ValidationError`` for other data, `evidence_migrations.TooNew`, or ``ValueError`` for an unknown
    kind.
    """
    current = migrations.upgrade(data)
    return _type_of(str(current.get("kind"))).model_validate(current)


def of_fault(check: str, fault: Fault) -> Evidence:
    """Evidence without facts, because the grader or its infrastructure failed."""
    return parse({"kind": check, "schema_version": SCHEMA_VERSION, "fault": fault})


def parse_json(text: str) -> Evidence:
    """As `parse`, from JSON text: several times faster, for whole classes."""
    current = _CURRENT.match(text)
    return _type_of(current[1]).model_validate_json(text) if current else parse(json.loads(text))


def _type_of(kind: str) -> type[Evidence]:
    if kind not in CHECKS:
        raise ValueError(f"there is no check {kind!r} here that could read its evidence")
    evidence_type: type[Evidence] = CHECKS[kind].evidence_type
    return evidence_type
