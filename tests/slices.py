"""A slice of a table in `make test`, the rest in `make check-all`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest


def every(step: int, rows: Iterable[object], ids: Sequence[str] | None = None) -> list[object]:
    """The rows as parameters: each ``step``-th always, the others marked ``thorough``.

    A row that is a tuple holds several parameters.
    """
    return [
        pytest.param(
            *(row if isinstance(row, tuple) else (row,)),
            id=ids[number] if ids is not None else None,
            marks=[] if number % step == 0 else [pytest.mark.thorough],
        )
        for number, row in enumerate(rows)
    ]


def all_but(rows: Iterable[str], *left_out: str) -> list[object]:
    """The rows' names as parameters, those that are left out of `make test` marked ``thorough``."""
    names = list(rows)
    assert set(left_out) <= set(names), "out of date"
    return [pytest.param(name, marks=[pytest.mark.thorough] if name in left_out else []) for name in names]
