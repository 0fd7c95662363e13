"""Review items of an assignment's file: publishing adds them, and leaves what graders changed."""

from __future__ import annotations

import re

from sqlalchemy import select

from app.audit.models import AuditEntry
from app.drafts import archive
from app.scores.models import ReviewItem
from tests.unit.pages.conftest import Course
from tests.unit.pages.test_assignments import HW13, current, desk, post, revision, upload

__all__ = ["desk"]
ITEM = """[[questions.items]]
text = {{ en = "{text}", zh-Hant = "缺軸" }}
deduction = {deduction}
key = {key}

"""


def with_items(course: Course, *items: str) -> bytes:
    """The archive of the current version of hw13, with these items for its first question."""
    files = current(course).files
    text = re.sub(r"(?s)\[\[questions.items\]\].*?\n\n", "", files["assignment.toml"])
    head, first, rest = text.split("[[questions]]", 2)
    changed = f"{head}[[questions]]{first}\n\n{''.join(items)}[[questions]]{rest}"
    return archive.write({**files, "assignment.toml": changed}, "course")


def publish_items(course: Course, *items: str) -> str:
    """Upload and publish items. Returns the page of the draft."""
    answer = upload(course, with_items(course, *items), slug="hw13", revision=revision(course, f"{HW13}/settings"))
    assert answer.status_code == 303, answer.text
    page = course.get(f"{HW13}/draft").text
    done = post(course, f"{HW13}/draft/publish", revision=revision(course, f"{HW13}/draft"))
    assert done.status_code == 303, done.text
    return page


def items_of(course: Course) -> list[tuple[str, float, int | None]]:
    with course.database.read() as session:
        rows = session.scalars(select(ReviewItem).order_by(ReviewItem.id)).all()
        return [(row.text["en"], row.deduction, row.key) for row in rows]


def test_publishing_adds_the_items_of_the_file_and_leaves_those_that_graders_changed(desk: Course) -> None:
    axis, blurred = ITEM.format(text="No <axis>.", deduction=0.25, key=1), ITEM.format(text="X.", deduction=0, key=2)
    page = publish_items(desk, axis)
    assert "Publishing adds these items" in page
    assert "1.1: No &lt;axis&gt;. · −0.25" in page
    assert items_of(desk) == [("No <axis>.", 0.25, 1)]
    with desk.database.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.subject) == ("mia", "review_item.import", "1")
    # A grader changes its text and points, and gives key 2 to an item of their own.
    form = {"action": "publish", "english": "Axes without labels.", "chinese": "", "deduction": "0.5", "key": "1"}
    assert post(desk, "/dashboard/hw13/review-items/1", **form).status_code == 303
    own = {"question": "1.1", "english": "Mine.", "chinese": "", "deduction": "0", "key": "2"}
    assert post(desk, "/dashboard/hw13/review-items", **own).status_code == 303
    page = publish_items(desk, axis, blurred)
    assert "They stay as they are:" in page
    assert "1.1: Axes without labels. · −0.5" in page
    assert "in the file: No &lt;axis&gt;. · −0.25" in page
    assert "1.1: X. · −0" in page
    expected = [("Axes without labels.", 0.5, 1), ("Mine.", 0, 2), ("X.", 0, None)]
    assert items_of(desk) == expected
    page = publish_items(desk, blurred)
    assert "Review items</h3>" not in page
    assert items_of(desk) == expected


def test_items_of_a_file_that_make_no_sense_are_named_with_their_line(desk: Course) -> None:
    good = ITEM.format(text="A", deduction=0.25, key=1)
    for items, said in (
        ([ITEM.format(text="A", deduction=7, key=1)], "item 1: deduction: the question is worth 0.5 points, not 7"),
        ([good, ITEM.format(text="B", deduction=0, key=1)], "item 2: key: another item has the key 1"),
        ([good, ITEM.format(text="A", deduction=0, key=2)], "item 2: text: another item has the same text"),
        ([good.replace("en =", "fr =")], "item 1: text: there is no text in en"),
        ([good.replace('"A"', f'"{"A" * 301}"')], "item 1: text: an item has at most 300 characters"),
        ([good.replace("deduction", "deductoin")], "did you mean"),
        ([good.replace("key = 1", "key = 10")], "less than or equal to 9"),
    ):
        answer = upload(desk, with_items(desk, *items), slug="hw13", revision=revision(desk, f"{HW13}/settings"))
        assert answer.status_code == 422
        assert said in answer.text, answer.text
    assert items_of(desk) == []
