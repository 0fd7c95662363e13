"""Upgrade stored evidence to the current version of its kind, one version at a time.

Evidence is kept for ever and every later version of Assay reads it. Each kind of evidence has a version number and a
chain of steps of its own (`grader.evidence.Evidence.upgrades`). A field that is added with a default needs nothing. A
field that is renamed, split, or changes its meaning needs a step: a pure function from the plain data of one version to
that of the next. A released step never changes, and the samples of every version in `tests/evidence/` must keep their
points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]


class TooNew(ValueError):
    """The evidence was stored by a newer version of Assay. Upgrade this one, or let a newer worker do it."""


def upgrade(data: dict[str, Any], steps: tuple[Step, ...]) -> dict[str, Any]:
    """A copy of the data in the version that the chain of its kind leads to. Raises `TooNew`."""
    version, newest = int(data.get("schema_version", 1)), len(steps) + 1
    if version > newest:
        raise TooNew(f"this is evidence of schema version {version}, and {newest} is the newest known here")
    for step in steps[version - 1 :]:
        version += 1
        data = {**step(dict(data)), "schema_version": version}
    return data
