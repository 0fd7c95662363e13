"""The review queue: one question after the other, points by one request, and back."""

from __future__ import annotations

import re

from app.scores.class_cache import ClassCache
from tests.unit.pages.conftest import Course

QUEUE = "/dashboard/hw13/review"


def shown_item(page: str) -> tuple[str, str]:
    """The submission and question on a page of the queue."""
    match = re.search(
        r'name="submission" value="([\w-]+)"><input type="hidden" name="question" value="([\d.]+)"><input', page
    )
    assert match is not None, page
    return match[1], match[2]


def waiting(course: Course) -> int:
    match = re.search(r"<strong>(\d+) to review", course.get(QUEUE).text)
    assert match is not None
    return int(match[1])


def decide(course: Course, **form: object) -> str:
    answer = course.send("POST", QUEUE, data={"reason": "Axis has no label.", **form})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_decision_leads_to_the_next_one_and_can_be_undone(course: Course) -> None:
    course.enrol(3, 2)
    assert waiting(course) == 3
    first = shown_item(course.get(QUEUE).text)
    then = course.get(decide(course, submission=first[0], question=first[1], score=0.25)).text
    assert shown_item(then) != first
    assert waiting(course) == 2
    with course.database.read() as session:
        standings = ClassCache().snapshot(session, "hw13").standings
    overridden = [one for one in standings if one.counting and one.counting.cells["3.1"].overridden]
    assert len(overridden) <= 1  # none, when another attempt of the student counts now
    back = course.send("POST", f"{QUEUE}/undo", data={"submission": first[0], "question": first[1]})
    assert shown_item(course.get(back.headers["location"]).text) == first
    assert waiting(course) == 3


def test_confirmed_points_are_not_called_set_by_hand(course: Course) -> None:
    course.enrol(1, 1)
    submission, question = shown_item(course.get(QUEUE).text)
    form = {"submission": submission, "question": question, "reason": "A <clear> plot."}
    assert course.send("POST", QUEUE, data=form).status_code == 303
    with course.database.read() as session:
        standing = ClassCache().snapshot(session, "hw13").standings[0]
    assert standing.counting is not None
    cell = standing.counting.cells[question]
    assert (cell.confirmed, cell.overridden, cell.verdict) == (True, False, "full")
    assert f"{cell.score:g} ✓<" in course.get("/dashboard/hw13").text
    for page in (f"/submissions/{submission}", "/dashboard/hw13/students/s00000"):
        text = course.get(page).text
        assert "Checked by mia: A &lt;clear&gt; plot." in text
        assert "by hand: A" not in text
    again = course.send("POST", QUEUE, data=form)
    assert again.status_code == 409
    assert "no computed points to confirm" in again.text
    assert ">A &lt;clear&gt; plot.</textarea>" in again.text
    assert 'data-key="Enter"' not in again.text


def test_a_comment_without_points_leaves_the_question_in_the_queue(course: Course) -> None:
    course.enrol(1, 1)
    submission, question = shown_item(course.get(QUEUE).text)
    form = {"submission": submission, "question": question, "action": "comment"}
    empty = course.send("POST", QUEUE, data=form)
    assert empty.status_code == 422
    assert "The comment is empty" in empty.text
    there = course.send("POST", QUEUE, data=form | {"reason": "See <12>.", "keep": "1"}).headers["location"]
    page = course.get(there).text
    assert shown_item(page) == (submission, question)
    assert waiting(course) == 1
    assert '<option value="1">See &lt;12&gt;.</option>' in page
    assert course.send("POST", QUEUE, data=form | {"saved": "1", "reason": "Again."}).status_code == 303
    report = course.get(f"/submissions/{submission}").text
    assert "<strong>mia</strong>: See &lt;12&gt;." in report
    assert "See &lt;12&gt;.\nAgain." in report
    back = f"{QUEUE}?submission={submission}&question={question}"
    removed = course.send("POST", f"{QUEUE}/comments/1/remove", data={"submission": submission, "back": back})
    assert removed.headers["location"] == back
    assert "<strong>mia</strong>: See &lt;12&gt;. <" not in course.get(f"/submissions/{submission}").text
    assert course.send("POST", "/dashboard/hw13/review-items/saved-comments/1").status_code == 303
    assert 'name="saved"' not in course.get(there).text


def test_only_one_question_can_be_asked_for_and_one_can_be_skipped(course: Course) -> None:
    course.enrol(2, 1)
    pages = [course.get(f"{QUEUE}?question=3.1&skip={skip}").text for skip in range(2)]
    assert len({shown_item(page) for page in pages}) == 2
    assert "There is nothing to review" in course.get(f"{QUEUE}?question=2.2").text


def test_what_makes_no_sense_is_refused(course: Course) -> None:
    course.enrol(1, 1)
    submission, question = shown_item(course.get(QUEUE).text)
    form = {"submission": submission, "question": question, "score": 1, "reason": "x"}
    for wrong in ({"score": 2}, {"score": "nan"}, {"reason": "\0"}, {"question": "9.9"}):
        assert course.send("POST", QUEUE, data=form | wrong).status_code in (404, 422)
    assert course.get(f"{QUEUE}?submission={submission}&question=9.9").status_code == 404
    assert waiting(course) == 1


def test_a_decision_that_was_taken_back_stands_in_its_place_of_the_whole_queue(course: Course) -> None:
    course.enrol(3, 2)
    second = shown_item(course.get(f"{QUEUE}?skip=1").text)
    page = course.get(f"{QUEUE}?submission={second[0]}&question={second[1]}").text
    assert "<strong>3 to review<" in page
    assert 'name="skip" value="1"' in page
    assert "skip=2" in page
    assert "skip=0" in page


def test_a_decision_that_was_taken_back_stays_among_those_of_its_question(course: Course) -> None:
    course.enrol(3, 2)
    submission, question = shown_item(course.get(f"{QUEUE}?question=3.1").text)
    decide(course, submission=submission, question=question, score=0.25, only="3.1")
    form = {"submission": submission, "question": question, "only": "3.1"}
    page = course.get(course.send("POST", f"{QUEUE}/undo", data=form).headers["location"]).text
    assert shown_item(page) == (submission, question)
    assert 'name="only" value="3.1"' in page
    assert 'href="/dashboard/hw13/review?question=3.1" aria-current="page"' in page


def test_a_question_that_does_not_wait_leads_to_the_start_of_the_queue(course: Course) -> None:
    course.enrol(3, 2)
    submission, _ = shown_item(course.get(QUEUE).text)
    page = course.get(f"{QUEUE}?submission={submission}&question=2.2").text
    assert "<strong>3 to review<" in page
    assert 'href="/dashboard/hw13/review?question=&amp;skip=0" data-key="s"' in page


def test_a_button_gives_the_points_that_it_says(course: Course) -> None:
    course.enrol(1, 1)
    submission, _ = shown_item(course.get(QUEUE).text)
    page = course.get(f"{QUEUE}?submission={submission}&question=2.1").text
    offered = re.findall(r'name="score" value="([\d.]+)" data-key="\d">([\d.]+) ', page)
    assert (
        [float(value) for value, _ in offered] == [float(label) for _, label in offered] == [0, 0.12, 0.25, 0.38, 0.5]
    )
