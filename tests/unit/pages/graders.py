"""A class to review, graders whose requests name them, and the rules of review of its assignment."""

from __future__ import annotations

import re

import httpx
from fastapi import Request

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.users import service as users
from app.users.models import Role
from grader import assignment as definitions
from tests.unit.pages.conftest import Course

QUEUE = "/dashboard/hw13/review"


class Graders:
    """Requests of the graders tom, ann and eva, and of mia, the admin."""

    def __init__(self, course: Course, students: int, rules: str = "") -> None:
        self.course = course
        if rules:
            publish_rules(course, rules)
        course.enrol(students, 1)
        self.viewers = {"mia": course.viewer}
        with course.database.write() as session:
            for name in ("tom", "ann", "eva"):
                person = users.create_user(session, login=name, name=name.title(), role=Role.TA, actor="test")
                self.viewers[name] = Viewer.of(person)

        def named(request: Request) -> Viewer:
            return self.viewers[request.headers["x-grader"]]

        course.app.dependency_overrides[optional_viewer] = named

    def get(self, login: str, path: str, cookie: str = "") -> str:
        """A page as a grader sees it."""
        headers = {"Accept": "text/html", "x-grader": login, "Cookie": cookie}
        answer = self.course.send("GET", path, headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, login: str, path: str, cookie: str = "", **form: object) -> httpx.Response:
        """A form that a grader sends."""
        headers = {"Accept": "text/html", "x-grader": login, "Cookie": cookie}
        return self.course.send("POST", path, headers, data=form)


def publish_rules(course: Course, rules: str, version: int = 900) -> None:
    """Publish hw13 with these rules of review."""
    files = dict(definitions.bundled("hw13").files)
    text = re.sub(r"(?m)^version = \d+", f"version = {version}", files["assignment.toml"])
    files["assignment.toml"] = f"{text}\n[review]\n{rules}\n"
    with course.database.write() as session:
        assignments.publish_version(session, definitions.from_files(files), "test")


def fields(page: str, action: str = QUEUE) -> dict[str, str]:
    """The hidden fields of the form with this action; empty when there is none."""
    form = re.search(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])) if form else {}
