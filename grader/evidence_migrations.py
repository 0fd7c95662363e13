"""Bringing stored evidence to today's schema, a version at a time.

Evidence is kept for ever and read by every later version. A field that is added with a default needs nothing here. A
field that is renamed, split, or changes its meaning needs a step: a pure function from the plain data of one schema
version to that of the next. Steps are never changed once a release had them, and the records of every version in
`tests/evidence/` must go on scoring as they did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]
STEPS: tuple[Step, ...] = ()
"""The step at index ``n`` leads from schema version ``n + 1`` to ``n + 2``."""


class TooNew(ValueError):
    """The evidence was stored by a newer version of Assay. Upgrade this one, or let a newer worker do it."""


def current_version() -> int:
    """The schema version of evidence that is measured today."""
    return len(STEPS) + 1


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The data in today's schema; the given ones are left alone. Raises `TooNew`."""
    version = int(data.get("schema_version", 1))
    if version > current_version():
        raise TooNew(f"this is evidence of schema version {version}, and {current_version()} is the newest known here")
    for step in STEPS[version - 1 :]:
        version += 1
        data = {**step(dict(data)), "schema_version": version}
    return data
