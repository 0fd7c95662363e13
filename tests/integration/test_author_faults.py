"""A fault in an author's file costs no attempt, and no view of a student shows anything of the author's files."""

from __future__ import annotations

import json

import pytest

from app.assignments import service as assignments
from app.db.engine import Database
from grader.assignment import from_files
from tests.functions import small
from tests.integration.service import Client, Site, questions
from tests.integration.student_views import StudentViews

MARKER = "a-marker-that-stands-in-the-authors-files"
REFERENCES = {
    "faulty": f"def scale(tensor, factor):\n    if factor == 0:\n        raise ValueError({MARKER!r})\n",
    "sound": f"MARKER = {MARKER!r}\n{small.REFERENCE}",
}
WRONG = "def scale(tensor, factor):\n    return tensor - factor\n"


def publish(site: Site, name: str) -> str:
    """Publish the small assignment with a reference and cases that hold the marker; returns its slug."""
    slug = f"{name}-files"
    files = small.assignment(reference=REFERENCES[name], cases=f"MARKER = {MARKER!r}\n{small.CASES}").files
    files = {**files, "assignment.toml": files["assignment.toml"].replace('slug = "small"', f'slug = "{slug}"')}
    database = Database(site.settings)
    with database.write() as session:
        assignments.publish_version(session, from_files(files), "test")
    database.close()
    return slug


def submit(student: Client, slug: str) -> str:
    answer = student.post("/submissions", files={"assignment": (None, slug), "code": ("code.py", WRONG)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("name", REFERENCES)
def test_no_view_of_a_student_shows_the_authors_files(service: Site, name: str) -> None:
    student, slug = service.person(), publish(service, name)
    before = student.get(f"/assignments/{slug}").json()["quota"]["left"]
    first, submission = submit(student, slug), submit(student, slug)
    for one in (first, submission):
        student.report(one, wait=60)
    views = StudentViews(student, slug, first, submission, ["1"], ["code"]).every(service)
    shown = [view for view, text in views.items() if MARKER in text or "reference.py" in text or "cases.py" in text]
    assert shown == []
    assert any(view.endswith("/replay") and text.startswith("200") for view, text in views.items())
    spent = before - student.get(f"/assignments/{slug}").json()["quota"]["left"]
    (question,) = questions(student.report(submission)).values()
    (of_staff,) = questions(service.admin.report(submission)).values()
    assert MARKER not in json.dumps(student.report(submission))
    if name == "sound":
        assert (question["fault"], spent, question["verdict"]) == (None, 2, "none")
        return
    assert (question["fault"], spent, question["verdict"], question["score"]) == ("grader", 0, "fault", 0)
    assert [message["id"] for message in question["messages"]] == ["function.author_fault"]
    error = f"scale/reference.py on the case 'zero', line 3: ValueError: {MARKER}"
    assert of_staff["evidence"]["author_error"] == error
    headers = {"Authorization": f"Bearer {service.admin.token}", "Accept": "text/html"}
    page = service.plain.get(f"/submissions/{submission}", headers=headers).text
    assert f"line 3: ValueError: {MARKER}" in page
