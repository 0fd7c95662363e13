"""The page of all exports, and a Canvas gradebook filled on it."""

from __future__ import annotations

import base64
import html
import re
import uuid
import zlib
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select

from app.courses.names import FIRST
from app.submissions.models import State, Submission
from app.users.models import Enrolment, Role, User
from tests.unit.pages.conftest import Course

PAGE = "/dashboard/hw13/exports"
HEAD = "Student,ID,SIS Login ID,Section,{column} (77)\n    Points Possible,,,,{points}\n"


@pytest.fixture(scope="module")
def course(open_courses: Callable[[], Course]) -> Course:
    """Three students with graded attempts, of which one is being graded again, and one without any.

    The last two are in section B, the others in section A.
    """
    course = open_courses()
    course.enrol(3, 1)
    with course.database.write() as session:
        students = [session.scalars(select(User).where(User.login == f"s0000{number}")).one() for number in range(3)]
        for student, section in zip(students, "AAB", strict=True):
            student.enrolments[0].section = section
        enrolments = [Enrolment(course=FIRST, role=Role.STUDENT, section="B")]
        session.add(User(login="zoe", name="Zoe", role=Role.STUDENT, enrolments=enrolments))
        graded = session.scalars(select(Submission).join(Submission.user).where(User.login == "s00001")).one()
        columns = {column.name: getattr(graded, column.name) for column in Submission.__table__.columns}
        columns |= {"id": uuid.uuid4(), "attempt": 2, "state": State.QUEUED, "run_id": None}
        session.add(Submission(**columns))
    return course


def upload(course: Course, column: str = "hw13", points: str = "4", rows: str = "", **fields: str) -> httpx.Response:
    rows = rows or "Zero,1,S00000,S,\nOne,2,s00001,S,\nZoe,3,zoe,S,1\nGhost,9,ghost,S,\n"
    data = (HEAD.format(column=column, points=points) + rows).encode()
    return course.send("POST", f"{PAGE}/canvas", files={"file": ("Grades, autumn.csv", data)}, data=fields)


def text(answer: httpx.Response) -> str:
    content = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert content is not None
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", content[0]).split()))


def hidden(answer: httpx.Response) -> dict[str, str]:
    """The hidden fields of the form for Canvas."""
    fields = re.findall(r'<input type="hidden" name="(carried|name|column)" value="([^"]*)"', answer.text)
    return {name: html.unescape(value) for name, value in fields}


def downloaded(answer: httpx.Response) -> str:
    link = re.search(r'download="Grades, autumn.csv" href="data:text/csv;base64,([^"]+)"', answer.text)
    assert link is not None
    return base64.b64decode(link[1]).decode()


def test_the_page_says_how_many_scores_are_final_and_links_every_file(course: Course) -> None:
    answer = course.get(PAGE)
    assert "3 of 4 students have a score." in text(answer)
    assert "1 submitted nothing." in text(answer)
    assert "1 have an attempt that is being graded." in text(answer)
    for path in ("scores.csv", "scores/gradescope.csv", "scores/export.jsonl", "scores/feedback.zip"):
        assert f'href="/api/v1/{path}?assignment=hw13' in answer.text


def test_a_gradebook_is_previewed_with_all_who_are_not_final(course: Course) -> None:
    answer = upload(course)
    assert answer.status_code == 200
    words = text(answer)
    assert "Cells that change: 2." in words
    assert "With an attempt that has no result yet: 1 s00001" in words
    assert "Submitted nothing, the cell stays: 1 zoe" in words
    assert "Graded here, but without a row in the gradebook: 1 s00002" in words
    assert "Rows of the gradebook that name nobody here: 1 6 (Ghost)" in words
    lines = downloaded(answer).splitlines()
    assert lines[0] == "Student,ID,SIS Login ID,Section,hw13 (77)"
    assert re.fullmatch(r"Zero,1,S00000,S,\d\.\d\d", lines[2])
    assert lines[4:] == ["Zoe,3,zoe,S,1", "Ghost,9,ghost,S,"]


def test_a_column_of_another_name_is_chosen_without_sending_the_file_again(course: Course) -> None:
    answer = upload(course, column="Thirteenth <homework>")
    assert answer.status_code == 422
    assert "Nothing was filled." in text(answer)
    assert "<option>Thirteenth &lt;homework&gt; (77)</option>" in answer.text
    fields = hidden(answer) | {"column": "Thirteenth <homework> (77)"}
    chosen = course.send("POST", f"{PAGE}/canvas", data=fields)
    assert chosen.status_code == 200
    assert downloaded(chosen).splitlines()[0].endswith("Thirteenth <homework> (77)")


def test_other_points_are_scaled_only_when_somebody_says_so(course: Course) -> None:
    answer = upload(course, points="100")
    assert answer.status_code == 422
    assert "has 100 points in Canvas, and the assignment has 4." in text(answer)
    scaled = course.send("POST", f"{PAGE}/canvas", data=hidden(answer) | {"scale": "1"})
    assert "each score is multiplied by 25" in text(scaled)
    once, scaled_text = downloaded(upload(course)), downloaded(scaled)
    first, hundred = (float(lines.splitlines()[2].split(",")[-1]) for lines in (once, scaled_text))
    assert hundred == 25 * first


@pytest.mark.parametrize("carried", ["", "no base64!", "eJwr", base64.urlsafe_b64encode(b"no zlib").decode()])
def test_a_form_without_a_file_says_what_is_expected(course: Course, carried: str) -> None:
    answer = course.send("POST", f"{PAGE}/canvas", data={"carried": carried})
    assert answer.status_code == 422
    assert "Export the gradebook in Canvas" in text(answer)


def test_a_bomb_is_read_up_to_the_limit_alone(course: Course) -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"a" * 50_000_000, 9)).decode()
    answer = course.send("POST", f"{PAGE}/canvas", data={"carried": bomb})
    assert answer.status_code == 422
    assert "8,388,609 bytes; at most" in text(answer)


def test_nothing_to_change_is_said(course: Course) -> None:
    answer = upload(course, rows="Zoe,3,zoe,S,1\n")
    assert "nothing to import" in text(answer)
    assert "data:text/csv" not in answer.text


def test_one_section_is_filled_and_the_others_stay(course: Course) -> None:
    page = course.get(f"{PAGE}?section=B")
    assert "1 of 2 students have a score." in text(page)
    assert 'href="/api/v1/scores.csv?assignment=hw13&amp;section=B"' in page.text
    assert 'name="section" value="B"' in page.text
    rows = "Zero,1,S00000,S,\nOne,2,s00001,S,1\nTwo,3,s00002,S,\nZoe,4,zoe,S,\nGhost,9,ghost,S,\n"
    answer = upload(course, rows=rows, section="B")
    assert "Only section B is filled." in text(answer)
    assert "Cells that change: 1." in text(answer)
    assert "s00001" not in text(answer), "neither unfinished nor to be changed: of another section"
    lines = downloaded(answer).splitlines()
    assert lines[2:4] == ["Zero,1,S00000,S,", "One,2,s00001,S,1"]
    assert re.fullmatch(r"Two,3,s00002,S,\d\.\d\d", lines[4])
    short = upload(course, rows="Ghost,9,ghost,S,\n", section="B")
    assert "without a row in the gradebook: 1 s00002" in text(short)


def test_a_section_stays_chosen_when_the_column_is_chosen_later(course: Course) -> None:
    answer = upload(course, column="Thirteenth", section="B", rows="Zero,1,S00000,S,\nTwo,3,s00002,S,\n")
    assert answer.status_code == 422
    assert 'name="section" value="B"' in answer.text
    fields = hidden(answer) | {"column": "Thirteenth (77)", "section": "B"}
    chosen = course.send("POST", f"{PAGE}/canvas", data=fields)
    assert downloaded(chosen).splitlines()[2] == "Zero,1,S00000,S,"
    assert f'href="{PAGE}?section=B"' in chosen.text


def test_a_section_that_nobody_is_in_is_told(course: Course) -> None:
    for answer in (course.get(f"{PAGE}?section=C"), upload(course, section="C")):
        assert answer.status_code == 404
        assert "No student of this class is in that section." in text(answer)
        assert "3 of 4 students have a score." in text(answer)
