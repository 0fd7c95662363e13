"""The proof for inference speed: a network's time for an image, unpruned and 90% pruned, on the artefact.

Both are the same dense network with other numbers in it, so an undisturbed measurement finds the same time for both. A
measurement that finds anything else measured the machine, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.evidence import Outcome
from grader.sandbox.replies import Array, Child

SAME_WITHIN = 1.1
"""Times that differ by less than this factor are the same."""
_RATIO = 0.9
_BUDGET_SECONDS = 0.3
_FEWEST_ROUNDS, _MOST_ROUNDS = 4, 50


def times(child: Child, artefact: bytes, image: Array) -> tuple[float, float] | Outcome | None:
    """Seconds for an image (1, C, H, W), unpruned and 90% pruned, on one thread.

    How the measuring stopped where the network could not be run; ``None`` where the times are not steady enough to be a
    proof.
    """
    request = {
        "ratios": [0.0, _RATIO],
        "budget": _BUDGET_SECONDS,
        "fewest": _FEWEST_ROUNDS,
        "most": _MOST_ROUNDS,
    }
    answer = child.request("network.times", request, [np.frombuffer(artefact, np.uint8), image])
    if answer.outcome is not Outcome.OK:
        return answer.outcome
    unpruned, pruned = answer.meta["seconds"]
    return steady(unpruned, pruned)


def steady(unpruned: Sequence[float], pruned: Sequence[float]) -> tuple[float, float] | None:
    """The shortest time of each, where they are a proof: seconds by round, the two measured in turn.

    The first half of the rounds and the second must tell the same: the shortest times of all four series agree. Other
    work can only lengthen a time, so the shortest of several is what the network needs, unless all were disturbed; then
    two halves hardly agree.
    """
    middle = len(unpruned) // 2
    if len(unpruned) != len(pruned) or middle < _FEWEST_ROUNDS // 2:
        return None
    shortest = [min(half) for times in (unpruned, pruned) for half in (times[:middle], times[middle:])]
    if not are_same(min(shortest), max(shortest)):
        return None
    return min(shortest[:2]), min(shortest[2:])


def are_same(one: float, other: float) -> bool:
    """Whether two times are the same but for what any measurement differs by."""
    return min(one, other) > 0 and max(one, other) <= SAME_WITHIN * min(one, other)
