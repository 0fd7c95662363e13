"""The queues: for each kind of job one that every worker serves, one a data set, and one for several data sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

FIRST = "grading"
"""First stages of gradings."""
LONG = "measuring"
"""Jobs of minutes: later stages, and measuring for regrades. They must not take the place of a first stage, so they
have queues of their own; see `app.worker.slots`."""
REGRADES = "regrades"
"""Previews of regrades: computed beside the gradings, so that no student waits for one."""
_SEVERAL = "several data sets"
_BUSY_SECONDS = 0.5
_IDLE_SECONDS = {FIRST: 0.15, LONG: 2.0, REGRADES: 2.0}


@dataclass(frozen=True)
class Terms:
    """How many jobs of a queue a worker runs at once, and how often it polls."""

    concurrency: int
    poll_seconds: float


def name_of(kind: str, data_sets: Collection[str]) -> str:
    """The queue of the jobs of a kind that need these data sets.

    Jobs that need several share a queue, however they combine: a worker that lacks one of a job's sets postpones it.
    """
    if not data_sets:
        return kind
    return f"{kind}/{_SEVERAL}" if len(data_sets) > 1 else f"{kind}+{next(iter(data_sets))}"


def needs_several(name: str) -> bool:
    """Whether the jobs of a queue need several data sets."""
    return name.endswith(f"/{_SEVERAL}")


def current_name(name: str, *, is_long: bool) -> tuple[str, list[str]]:
    """The queue of this version for a job in a queue of any version, and the data sets in the old queue's name.

    Older versions had a queue for each combination of data sets (``grading+a+b``), or one queue for all kinds.
    """
    if needs_several(name):
        return name, []
    kind, *data_sets = name.split("+")
    return name_of(LONG if kind == FIRST and is_long else kind, data_sets), data_sets


def served_by(data_sets: Collection[str]) -> list[str]:
    """The queues of a worker that has these data sets."""
    needs: list[Collection[str]] = [[], *([data_set] for data_set in sorted(data_sets))]
    if len(data_sets) > 1:
        needs.append(data_sets)
    return [REGRADES, *(name_of(kind, need) for kind in (FIRST, LONG) for need in needs)]


def terms(needs: Iterable[Collection[str]], slots: int, poll_seconds: float, *, is_busy: bool) -> dict[str, Terms]:
    """The queues for assignments with these needs, by name. A poll that finds nothing costs 2 to 3 ms of a core.

    First stages are polled for every ``poll_seconds`` while jobs come. An idle worker polls less often, and stays below
    3% of a core.
    """
    intervals = {FIRST: poll_seconds, LONG: _BUSY_SECONDS, REGRADES: _BUSY_SECONDS} if is_busy else _IDLE_SECONDS
    every = {kind: max(poll_seconds, seconds) for kind, seconds in intervals.items()}
    queues = {REGRADES: Terms(1, every[REGRADES])}
    for need in ([], *needs):
        queues |= {name_of(kind, need): Terms(slots, every[kind]) for kind in (FIRST, LONG)}
    return queues
