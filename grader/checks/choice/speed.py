"""The inference speed of the artefact: its time for an image, unpruned and 90% pruned.

Both are the same dense network with different numbers, so an undisturbed measurement gives the same time for both. Any
other result measures the load of the machine and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.evidence import Outcome
from grader.sandbox.replies import Array, Child

SAME_WITHIN = 1.1
"""Times that differ by less than this factor count as equal."""
_RATIO = 0.9
_BUDGET_SECONDS = 0.3
_FEWEST_ROUNDS, _MOST_ROUNDS = 4, 50


def times(child: Child, artefact: bytes, image: Array) -> tuple[float, float] | Outcome | None:
    """Seconds for an image (1, C, H, W), unpruned and 90% pruned, on one thread.

    Returns an outcome if the network could not be run, ``None`` if the times are not steady enough to be a proof.
    """
    rounds = {"budget": _BUDGET_SECONDS, "fewest": _FEWEST_ROUNDS, "most": _MOST_ROUNDS}
    meta = {"ratios": [0.0, _RATIO], **rounds}
    reply = child.request("network.times", meta, [np.frombuffer(artefact, np.uint8), image])
    if reply.outcome is not Outcome.OK:
        return reply.outcome
    unpruned, pruned = reply.meta["seconds"]
    return steady(unpruned, pruned)


def steady(unpruned: Sequence[float], pruned: Sequence[float]) -> tuple[float, float] | None:
    """The shortest time of each network, if they are a proof. Arguments are seconds by round, measured in turn.

    The shortest times of the first and the second half of the rounds must agree, for both networks. Other work on the
    machine only lengthens times, so the shortest is the network's own, unless all were disturbed; then the halves
    hardly agree.
    """
    middle = len(unpruned) // 2
    if len(unpruned) != len(pruned) or middle < _FEWEST_ROUNDS // 2:
        return None
    shortest = [min(half) for times in (unpruned, pruned) for half in (times[:middle], times[middle:])]
    if not are_same(min(shortest), max(shortest)):
        return None
    return min(shortest[:2]), min(shortest[2:])


def are_same(one: float, other: float) -> bool:
    """Whether two times are equal within the error of a measurement."""
    return min(one, other) > 0 and max(one, other) <= SAME_WITHIN * min(one, other)
