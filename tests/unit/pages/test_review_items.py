"""The page of review items: add, preview, publish and revert; and the review desk with them."""

from __future__ import annotations

import re
from html import unescape

from sqlalchemy import select

from app.scores.models import Override
from tests.unit.pages.conftest import Course
from tests.unit.pages.test_review import QUEUE, shown_item

ITEMS = "/dashboard/hw13/review-items"


def add(course: Course, english: str, deduction: str, **more: str) -> int:
    form = {"question": "3.1", "english": english, "deduction": deduction, **more}
    return course.send("POST", ITEMS, data=form).status_code


def test_items_are_given_changed_after_a_preview_and_reverted(course: Course) -> None:
    course.enrol(2, 1)
    assert add(course, "No <axis>.", "0.25", chinese="缺<軸>") == 303
    assert add(course, "Blurred.", "0.5") == 303
    submission, question = shown_item(course.get(QUEUE).text)
    desk = course.get(QUEUE).text
    assert re.findall(r'name="item" value="(\d)" data-deduction="([\d.]+)" data-key="(\d)"', desk) == [
        ("1", "0.25", "1"),
        ("2", "0.5", "2"),
    ]
    form = {"submission": submission, "question": question}
    assert course.send("POST", QUEUE, data=form | {"item": ["1", "2"]}).status_code == 303
    report = course.get(f"/submissions/{submission}").text
    assert "Reviewed by mia." in report
    assert "No &lt;axis&gt;." in report
    assert "0.25 / 1" in report

    change = {"question": "3.1", "english": "No labels.", "deduction": "0.4", "key": "5", "revision": "1"}
    preview = course.send("POST", f"{ITEMS}/1", data=change | {"action": "preview"})
    assert "1 have this item. Points rise for 0 and fall for 1; the mean change is -0.15." in preview.text
    assert "0.25 / 1" in course.get(f"/submissions/{submission}").text
    hidden = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', preview.text.split('<div role="status">')[1])
    )
    assert {name: unescape(value) for name, value in hidden.items() if name in change} == change
    assert course.send("POST", f"{ITEMS}/1", data=change | {"action": "publish"}).status_code == 303
    assert "0.1 / 1" in course.get(f"/submissions/{submission}").text
    stale = course.send("POST", f"{ITEMS}/1", data=change | {"action": "publish"})
    assert stale.status_code == 412
    assert "Somebody has changed this review item" in stale.text
    assert 'value="No labels."' in stale.text
    assert course.send("POST", f"{ITEMS}/1/revert", data={"question": "3.1", "revision": "2"}).status_code == 303
    assert "0.25 / 1" in course.get(f"/submissions/{submission}").text


def test_clearing_all_items_gives_full_points_and_a_wrong_item_loses_no_comment(course: Course) -> None:
    course.enrol(1, 1)
    assert add(course, "Blurred.", "0.5") == 303
    submission, question = shown_item(course.get(QUEUE).text)
    form = {"submission": submission, "question": question, "reason": "Seen & read."}
    refused = course.send("POST", QUEUE, data=form | {"item": "9"})
    assert refused.status_code == 404
    assert ">Seen &amp; read.</textarea>" in refused.text
    assert course.send("POST", QUEUE, data=form | {"item": "1"}).status_code == 303
    page = course.get(f"{QUEUE}?submission={submission}&question={question}").text
    assert 'name="by_items"' in page
    assert re.search(r'name="item" value="1"[^>]* checked>', page)
    assert course.send("POST", QUEUE, data=form | {"by_items": "1"}).status_code == 303
    with course.database.read() as session:
        active = session.scalars(select(Override).where(Override.ended_at.is_(None))).one()
        assert (active.kind, active.score, active.items) == ("review_items", 1.0, [])


def test_what_makes_no_sense_keeps_what_was_typed(course: Course) -> None:
    assert add(course, "Blurred.", "0.5", key="3") == 303
    for wrong, said in (
        ({"deduction": "2"}, "The points must be between 0 a"),
        ({"deduction": "a lot"}, "deduction"),
        ({"english": " "}, "English text is missing"),
        ({"key": "3"}, "has that key"),
    ):
        form = {"question": "3.1", "english": "Typed <text>.", "chinese": "打字", "deduction": "0.5"} | wrong
        refused = course.send("POST", ITEMS, data=form)
        assert refused.status_code in (409, 422), refused.text
        assert said in refused.text
        assert 'value="打字"' in refused.text
    assert course.send("POST", "/dashboard/hw13-2023/review-items/1/revert", data={"question": ""}).status_code == 404
