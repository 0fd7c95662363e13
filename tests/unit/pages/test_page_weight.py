"""What a page weighs: its HTML as a proxy would compress it, its stylesheets and scripts as they are sent."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest

from tests.unit.pages.conftest import Course

MOST_BYTES = 120_000


@pytest.fixture(scope="module")
def large(open_courses: Callable[[], Course]) -> Course:
    """A class that fills a page of the table."""
    course = open_courses()
    course.enrol(120, 2)
    return course


@pytest.mark.parametrize(
    "path",
    [
        "/?assignment=hw13",
        "/?assignment=prune-quantize",
        "/dashboard/hw13",
        "/dashboard/hw13/review",
        "/dashboard/hw13/students/s00007",
        "/admin/people",
        "submission",
    ],
)
def test_a_page_weighs_little(large: Course, path: str) -> None:
    if path == "submission":
        students = large.get("/dashboard/hw13/students/s00007").text
        path = re.findall(r"/submissions/[0-9a-f-]{36}", students)[0]
    page = large.get(path)
    assert page.status_code == 200
    files = set(re.findall(r'(?:src|href)="(/static/[^"]*\.(?:js|css))"', page.text))
    assert len(files) > 5
    headers = {"Accept-Encoding": "gzip"}
    sizes = {file: large.send("GET", file, headers=headers).num_bytes_downloaded for file in files}
    sizes[path] = len(gzip.compress(page.content))
    assert sum(sizes.values()) < MOST_BYTES, sizes
