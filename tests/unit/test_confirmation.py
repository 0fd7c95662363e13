"""The comparison of a live model with its export, where the child answers from a script."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from grader.checks.architecture import confirmation
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.sandbox.replies import Array, Reply
from tests.unit.scripted_sandbox import HONEST, PARAMETERS, logits, ok_reply

SHAPE = (3, 32, 32)


class TwoNetworks:
    """A live model whose second network answers the pictures of one request."""

    def __init__(self, second_answers: int | None) -> None:
        self.second_answers = second_answers
        self.sizes: list[int] = []

    @property
    def stdout(self) -> str:
        return ""

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        if op == "artefact.run":
            return ok_reply(logits(len(arrays[-1])))
        if op != "model.forward":
            answer = HONEST[op]
            return answer if isinstance(answer, Reply) else answer()
        self.sizes.append(len(arrays[0]))
        is_second = len(self.sizes) - 1 == self.second_answers
        return ok_reply(logits(len(arrays[0]), 7.0 if is_second else 1.0), kind="tensor")


def verification(child: TwoNetworks, seed: int = 0) -> str:
    live = ArchitectureEvidence(parameters=PARAMETERS)
    rng = np.random.default_rng(seed)
    evidence, _ = confirmation.confirm(child, lambda: nullcontext(child), SHAPE, live, rng)
    return evidence.verification


def test_batches_of_several_sizes_come_in_a_drawn_order() -> None:
    orders = set()
    for seed in range(9):
        child = TwoNetworks(None)
        assert verification(child, seed) == "confirmed"
        assert child.sizes[0] == 1
        assert sorted(child.sizes[1:]) == [2, 2, 3, 4]
        orders.add(tuple(child.sizes))
    assert len(orders) > 1


@pytest.mark.parametrize("request_number", range(5))
def test_second_network_that_answers_one_request_is_noticed(request_number: int) -> None:
    assert verification(TwoNetworks(request_number)) == "disagrees"
