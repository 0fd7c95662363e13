"""Pages of a class of 2,000 against the same pages of a class of 100, five attempts a student: the time by page.

A page of a class shows at most a hundred rows and as many bars and dots as there are bins, so the large class may take
twice as long at most. Run it with ``python -m tests.load.page_speed``. Reading a class for the first time, and again
after a change, takes time that grows with it; those figures have no aim.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import update

from app.db import migrate
from app.submissions.models import Submission
from tests.load.figures import Row, row
from tests.unit.pages.conftest import Course, open_course, settings

SMALL, LARGE, ATTEMPTS = 100, 2_000, 5
TABLE = "/dashboard/hw13"
PATHS = (
    TABLE,
    f"{TABLE}?sort=score&order=desc&page=1",
    f"{TABLE}?q=s00007",
    f"{TABLE}?review=1",
    f"{TABLE}/review",
    f"{TABLE}/requests",
    f"{TABLE}/students/s00007",
    f"{TABLE}/similarity",
    "/admin/people",
    "/admin",
)
AIM = 2.0
_REPEATS = 15


def measure(small: int = SMALL, large: int = LARGE, repeats: int = _REPEATS) -> list[Row]:
    """Rows of the table of all benchmarks."""
    with _class(small) as few, _class(large) as many:
        firsts = [_seconds(course, TABLE) for course in (few, many)]
        for course in (few, many):
            # Each request reads the sources of the class for a moment.
            while "<progress" in course.get(f"{TABLE}/similarity").text:
                pass
        rows = [_page_row(path, few, many, large, repeats) for path in PATHS]
        for course in (few, many):
            with course.database.write() as session:
                session.execute(update(Submission).where(Submission.run_id == 1).values(revision=1))
        changed = [_seconds(course, TABLE) for course in (few, many)]
    anchor = f"the same with {small:,} students"
    for figure, pair in (("the first time", firsts), ("after one change", changed)):
        rows.append(row(f"{TABLE} {figure}, {large:,} students", pair[1] / pair[0], anchor, None, 2))
    return rows


def _page_row(path: str, few: Course, many: Course, large: int, repeats: int) -> Row:
    """The best of some rounds that alternate, so that a busy machine is busy for both."""
    counts = [course.get(path).text.count("<tr") for course in (few, many)]
    turns = [[_seconds(course, path) for course in (few, many)] for _ in range(repeats)]
    one, other = (min(column) for column in zip(*turns, strict=True))
    # A page with more rows may take longer.
    aim = AIM if counts[1] <= 1.25 * counts[0] else None
    figure = f"{path}, {large:,} students, {counts[1]} rows against {counts[0]}"
    return row(figure, other / one, "the same page of the small class", aim, 2)


def _seconds(course: Course, path: str) -> float:
    start = time.perf_counter()
    answer = course.get(path)
    seconds = time.perf_counter() - start
    assert answer.status_code == 200, answer.text
    return seconds


@contextmanager
def _class(students: int) -> Iterator[Course]:
    with tempfile.TemporaryDirectory() as folder:
        chosen = settings(Path(folder))
        migrate.upgrade(chosen)
        course = open_course(chosen)
        course.enrol(students, ATTEMPTS)
        yield course
        course.database.close()


def main(measured: Callable[[], list[Row]] = measure) -> None:
    """Print one line a page."""
    for result in measured():
        aim = f", aim {result['aim']:g}" if result["aim"] is not None else ""
        print(f"{result['ratio']:>6.2f}  {result['figure']}{aim}")


if __name__ == "__main__":
    main()
