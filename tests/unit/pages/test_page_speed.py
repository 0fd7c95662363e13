"""The benchmark of the pages runs: a slice of it, on classes of a few students."""

from __future__ import annotations

from tests.load import page_speed


def test_every_page_has_its_ratio_and_its_aim() -> None:
    rows = page_speed.measure(12, 24, repeats=1)
    figures = [str(row["figure"]) for row in rows]
    assert len(rows) == len(page_speed.PATHS) + 2
    assert all(figure.startswith(path) for figure, path in zip(figures, page_speed.PATHS, strict=False))
    assert all(row["ratio"] > 0 for row in rows)
    aimed = {figure.split(",")[0] for figure, row in zip(figures, rows, strict=True) if row["aim"] == 2}
    assert {"/dashboard/hw13/review", "/dashboard/hw13/students/s00007", "/admin"} <= aimed
