"""Values that a child sends: how much of them is read."""

from __future__ import annotations

import pytest

from grader.checks.function import values


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_as_many_items_are_read_as_a_child_may_send(kind: str) -> None:
    def node(count: int) -> dict[str, object]:
        keys = [f"key {number}" for number in range(count)] if kind == "dict" else []
        return {"kind": kind, "keys": keys, "items": [{"kind": "int", "value": 7}] * count}

    assert len(values.read(node(values.MAX_ITEMS), ()).items) == values.MAX_ITEMS
    with pytest.raises(values.NotAValue):
        values.read(node(values.MAX_ITEMS + 1), ())
