"""Reviewing without names: by a grader's switch, or by the rule of the assignment."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from app.scores.models import StoredScore
from app.scores.review_key import service as review_key
from app.submissions.models import StoredEvidence
from tests.unit.pages.conftest import Course
from tests.unit.pages.graders import QUEUE, Graders, fields

PLOTS = "/dashboard/hw13/plots"
HIDDEN = "assay_hide_names=1"
NAMES = re.compile(r"s0000\d|Student \d\b")
PSEUDONYM = re.compile(r"Student [2-9B-Z]{6}\b")


def alike(graders: Graders) -> None:
    """Make all plots near-identical."""
    with graders.course.database.write() as session:
        for score in session.scalars(select(StoredScore).where(StoredScore.question == "3.1")).all():
            picture = {"format": "PNG", "width": 4, "height": 3, "sha256": "0" * 64, "fingerprint": "f" * 256}
            data = score.evidence.data | {"picture": picture}
            session.execute(update(StoredEvidence).where(StoredEvidence.id == score.evidence_id).values(data=data))


def pages(graders: Graders, login: str, cookie: str) -> dict[str, str]:
    """The pages of the review: the desk, the groups of plots, the preview of a group decision, and the decision."""
    overview = graders.get(login, PLOTS, cookie)
    found = re.search(rf'href="({PLOTS}/3.1/[^"]+)"', overview)
    assert found is not None
    group = graders.get(login, found[1], cookie)
    members = re.findall(r'name="member" value="([^"]+)"', group)
    form = {"member": members, "score": "0.5", "reason": "x"}
    preview = graders.post(login, found[1], cookie, **form).text
    decided = graders.post(login, found[1], cookie, step="decide", **form).headers["location"]
    first = members[0].split()[0]
    graders.post(login, f"{decided}/undo", cookie)
    desk = graders.get(login, f"{QUEUE}?submission={first}&question=3.1", cookie)
    return {
        "plots": overview,
        "group": group,
        "preview": preview,
        "decision": graders.get(login, decided, cookie),
        "desk": desk,
    }


@pytest.fixture
def graders(course: Course) -> Graders:
    graders = Graders(course, 4)
    alike(graders)
    return graders


def test_the_switch_hides_names_on_every_page_of_the_review(graders: Graders) -> None:
    for name, page in pages(graders, "tom", "").items():
        assert NAMES.search(page), name
    switched = graders.post("tom", f"{QUEUE}/names", hidden="1", back=PLOTS)
    assert switched.headers["location"] == PLOTS
    cookie = switched.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Max-Age" not in cookie
    shown = pages(graders, "tom", cookie.partition(";")[0])
    for name, page in shown.items():
        assert not NAMES.search(page), (name, NAMES.search(page))
        assert PSEUDONYM.search(page), name
    assert "Hide names" not in shown["plots"]
    shown_again = graders.post("tom", f"{QUEUE}/names", HIDDEN, hidden="", back="//elsewhere.example/")
    assert shown_again.headers["location"] == "/"
    assert "Max-Age=0" in shown_again.headers["set-cookie"]


def test_a_pseudonym_stays_within_an_assignment_and_follows_no_roster(graders: Graders) -> None:
    logins = [f"s{n:05}" for n in range(300)]
    with graders.course.database.read() as session:
        here, again, elsewhere = (review_key.pseudonyms(session, slug) for slug in ("hw13", "hw13", "quiz"))
        names = [here(login) for login in logins]
        assert names == [again(login) for login in logins]
        assert not set(names) & {elsewhere(login) for login in logins}
    assert len(set(names)) == 300
    assert names != sorted(names)
    page = graders.get("tom", f"{QUEUE}?question=3.1", HIDDEN)
    student = PSEUDONYM.search(page[page.index('<div class="desk">') :])
    assert student is not None
    assert student[0].removeprefix("Student ") in names[:4]


def test_the_rule_of_an_assignment_holds_for_graders_and_not_for_admins(course: Course) -> None:
    graders = Graders(course, 4, "hide_names = true")
    alike(graders)
    for page in pages(graders, "tom", "").values():
        assert not NAMES.search(page)
        assert 'name="hidden"' not in page
    page = graders.get("mia", QUEUE)
    assert NAMES.search(page)
    assert not NAMES.search(graders.get("mia", QUEUE, HIDDEN))


def test_items_and_requests_name_nobody_either(graders: Graders) -> None:
    new = {"question": "3.1", "english": "No axis.", "chinese": "", "deduction": "0.25", "key": ""}
    graders.post("tom", "/dashboard/hw13/review-items", **new)
    form = fields(graders.get("tom", f"{QUEUE}?question=3.1"))
    assert graders.post("tom", QUEUE, item="1", **form).status_code == 303
    values = {**new, "deduction": "0.5", "question": "", "revision": "1", "action": "preview"}
    answer = graders.post("tom", "/dashboard/hw13/review-items/1", HIDDEN, **values)
    assert answer.status_code == 200, answer.text
    assert "fall for 1" in answer.text
    assert PSEUDONYM.search(answer.text)
    assert not NAMES.search(answer.text)
