"""Upgrade stored evidence to the current schema, one version at a time.

Evidence is kept for ever and every later version reads it. A field that is added with a default needs nothing here. A
field that is renamed, split, or changes its meaning needs a step: a pure function from the plain data of one schema
version to that of the next. A released step never changes, and the records of every version in `tests/evidence/` must
keep their scores.
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
    """The schema version of new evidence."""
    return len(STEPS) + 1


def upgrade(data: dict[str, Any]) -> dict[str, Any]:
    """A copy of the data in the current schema. Raises `TooNew`."""
    version = int(data.get("schema_version", 1))
    if version > current_version():
        raise TooNew(f"this is evidence of schema version {version}, and {current_version()} is the newest known here")
    for step in STEPS[version - 1 :]:
        version += 1
        data = {**step(dict(data)), "schema_version": version}
    return data
