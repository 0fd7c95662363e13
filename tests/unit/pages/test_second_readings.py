"""Second readings: drawn by a key, blind, once, by another grader; no points change, and differences are settled."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.scores.models import Override
from app.scores.review_key import service as review_key
from app.scores.second_readings.models import SecondReading
from tests.unit.pages.conftest import Course
from tests.unit.pages.graders import QUEUE, Graders, fields, publish_rules

SECOND = "/dashboard/hw13/second-readings"
READ = f"{SECOND}/read"


@pytest.fixture
def graders(course: Course) -> Graders:
    """Three plots that tom reviewed; all are drawn."""
    graders = Graders(course, 3, "second_reading_percent = 100")
    for _ in range(3):
        form = fields(graders.get("tom", f"{QUEUE}?question=3.1"))
        assert graders.post("tom", QUEUE, score="0.25", reason="Tom says so.", **form).status_code == 303
    return graders


def points(graders: Graders) -> list[tuple[float, str]]:
    """The decisions that stand, with their reasons."""
    with graders.course.database.read() as session:
        rows = session.scalars(select(Override).where(Override.ended_at.is_(None)).order_by(Override.id)).all()
        return [(row.score, row.reason) for row in rows]


def readings(graders: Graders) -> list[tuple[float, str, int]]:
    with graders.course.database.read() as session:
        return [(row.score, row.note, row.by_id) for row in session.scalars(select(SecondReading))]


def test_another_grader_reads_again_without_the_first_decision(graders: Graders) -> None:
    assert "There is nothing to review" in graders.get("tom", QUEUE)
    page = graders.get("ann", QUEUE)
    assert "0 to review" in page
    assert "3 to read a second time" in page
    assert "Second reading." in page
    desk = page[page.index('<div class="desk">') :]
    for word in ("Tom", "tom", "0.25 /", "Set by hand"):
        assert word not in desk
    assert "waiting for review" in desk
    assert fields(page) == {}
    form = fields(page, READ)
    assert graders.post("ann", READ, score="0.75", reason=" I see <axes>. ", **form).status_code == 303
    assert points(graders) == [(0.25, "Tom says so.")] * 3
    assert readings(graders) == [(0.75, "I see <axes>.", graders.viewers["ann"].user_id)]
    assert "2 to read a second time" in graders.get("ann", QUEUE)
    # Nobody reads it a third time, and a form that was open meanwhile is refused without a loss.
    again = graders.post("eva", READ, score="0.5", reason="Mine.", **form)
    assert again.status_code == 409
    assert "Mine." in again.text
    assert len(readings(graders)) == 1
    with graders.course.database.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.detail["score"]) == ("ann", "second_reading.save", 0.75)


def test_nobody_reads_an_own_decision_or_what_was_not_drawn(graders: Graders) -> None:
    form = fields(graders.get("ann", QUEUE), READ)
    assert graders.post("tom", READ, score="0.5", **form).status_code == 409
    with graders.course.database.read() as session:
        all_drawn = [review_key.draws(session, percent) for percent in (0, 10, 50, 100)]
    drawn = [{n for n in range(1000) if draw(uuid.UUID(int=n), "3.1")} for draw in all_drawn]
    assert drawn[0] < drawn[1] < drawn[2] < drawn[3]
    assert 60 < len(drawn[1]) < 140
    for wrong in ({"score": "2"}, {"score": "nan"}, {"reason": "\0"}, {"question": "9.9"}, {"item": "77"}):
        assert graders.post("ann", READ, **{**form, **wrong}).status_code in (404, 409, 422), wrong
    assert graders.post("ann", READ, **{**form, "submission": str(uuid.uuid4())}).status_code == 404
    publish_rules(graders.course, "second_reading_percent = 0", version=901)
    assert "There is nothing to review" in graders.get("ann", QUEUE)
    assert graders.post("ann", READ, score="0.5", **form).status_code == 409
    assert readings(graders) == []


def test_a_difference_is_settled_by_a_decision_and_open_again_after_its_undo(graders: Graders) -> None:
    for score in ("0.25", "1", ""):
        form = fields(graders.get("ann", QUEUE), READ)
        more = {"score": score} if score else {}
        assert graders.post("ann", READ, reason="Ann's note.", **more, **form).status_code == 303
    page = graders.get("eva", SECOND)
    assert "Read a second time: 3. Equal: 1. Open differences: 2." in page
    assert page.count("Tom says so.") == page.count("Ann&#39;s note.") == 2
    form = fields(page, SECOND)
    slip = graders.post("eva", SECOND, score="7", reason="Keep <me>.", **form)
    assert slip.status_code == 422
    assert 'value="Keep &lt;me&gt;."' in slip.text
    assert graders.post("eva", SECOND, score="0.5", reason=" ", **form).status_code == 422
    assert sorted(points(graders)) == [(0.25, "Tom says so.")] * 3
    assert graders.post("eva", SECOND, score="0.5", reason="Agreed.", **form).status_code == 303
    assert sorted(points(graders)) == [(0.25, "Tom says so."), (0.25, "Tom says so."), (0.5, "Agreed.")]
    late = graders.post("tom", SECOND, score="0.75", reason="Too late.", **form)
    assert late.status_code == 412
    page = graders.get("eva", SECOND)
    assert "Open differences: 1." in page
    undo = fields(page, f"{QUEUE}/undo")
    assert graders.post("eva", f"{QUEUE}/undo", **undo).status_code == 303
    assert points(graders) == [(0.25, "Tom says so.")] * 3
    assert "Open differences: 2." in graders.get("eva", SECOND)
    assert "There is nothing to review" in graders.get("ann", QUEUE)


def test_a_second_reading_by_review_items_has_their_points_and_texts(graders: Graders) -> None:
    new = {"question": "3.1", "english": "No axis.", "chinese": "", "deduction": "0.25", "key": ""}
    assert graders.post("tom", "/dashboard/hw13/review-items", **new).status_code == 303
    page = graders.get("ann", QUEUE)
    assert " checked" not in page[page.index('<form class="decide"') :]
    form = fields(page, READ)
    assert graders.post("ann", READ, item="1", reason="See above.", **form).status_code == 303
    assert [row[:2] for row in readings(graders)] == [(0.75, "No axis. (−0.25)\nSee above.")]
