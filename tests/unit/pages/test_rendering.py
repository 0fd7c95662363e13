"""Numbers, times and paths as the pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.pages.login import local
from app.presenting import filters


@pytest.mark.parametrize(
    ("value", "written"), [(4.0, "4"), (0.5, "0.5"), (2.25, "2.25"), (3.7500001, "3.75"), (0.0, "0"), (None, "–")]
)
def test_points_are_written_as_people_write_them(value: float | None, written: str) -> None:
    assert filters.points(value) == written


def test_a_time_is_written_in_utc_with_the_zone() -> None:
    moment = datetime(2026, 5, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    assert filters.when(moment) == '<time datetime="2026-05-01T00:30:00Z">2026-05-01 00:30 UTC</time>'
    assert filters.when(moment.astimezone(UTC).isoformat()) == filters.when(moment)


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "", "/a\nb"]
)
def test_a_login_never_leads_elsewhere(path: str) -> None:
    assert local(path) == "/"


def test_a_login_leads_back_to_where_it_was_asked_for() -> None:
    assert local("/submissions/1?x=2") == "/submissions/1?x=2"
