"""Every page, by a desk and on a phone, light and dark, in both languages: accessible, and nothing sticks out."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, Shot

pytestmark = pytest.mark.browser
LOOKS = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "locale": "en-GB"},
    "phone": {"viewport": {"width": 375, "height": 780}, "color_scheme": "dark", "locale": "zh-TW"},
}
TABLE = "/dashboard/hw13"
STAFF = (
    TABLE,
    f"{TABLE}?question=2.1&verdict=partial&sort=score&order=desc",
    f"{TABLE}?q=nobody+at+all",
    f"{TABLE}/review?question=2.1",
    f"{TABLE}/plots",
    f"{TABLE}/second-readings",
    f"{TABLE}/requests",
    f"{TABLE}/similarity",
    f"{TABLE}/release",
    f"{TABLE}/extensions?student=kim",
    f"{TABLE}/exports",
    f"{TABLE}/lti",
    f"{TABLE}/students/kim",
    f"{TABLE}/students/leo",
)
HW13 = "/assignments/hw13"
ADMIN = (
    "",
    "/people",
    "/people/kim",
    "/people/kim/delete",
    "/assignments",
    HW13,
    f"{HW13}/settings",
    f"{HW13}/student",
    "/new-assignment",
    "/regrades",
    "/lti",
    "/lti/new",
    "/audit",
)


@pytest.fixture(scope="module")
def submission(service: Service) -> str:
    """A hand-in with something in most questions."""
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=120) as client:
        headers = {"Authorization": f"Bearer {service.tokens['kim']}"}
        files = {name: (None, (EXAMPLE / f"{name}.py").read_text()) for name in ("model", "loss")}
        files |= {"assignment": (None, "hw13"), "answers": (None, '{"2.2": "harder"}')}
        files["model"] = (None, "def get_student_model():\n    raise ValueError('<b>' * 60)\n")
        made: str = client.post("/submissions", files=files, headers=headers).json()["id"]
        assert client.get(f"/submissions/{made}?wait=60", headers=headers).json()["state"] == "graded"
    return made


LOOKED_AT = {
    *("/login", "/", "/submissions", TABLE, f"{TABLE}/review", f"{TABLE}/requests"),
    *(f"{TABLE}/students/kim", "/admin", "/admin/people", "/admin/people/kim"),
}
"""Pages that other tests of `make test` find accessible. On a phone it only sees whether they fit."""


def expect_accessible(page: Page, path: str, with_all: bool) -> None:
    name = "/submissions" if path.startswith("/submissions/") else path
    if with_all or name not in LOOKED_AT:
        assert violations(page) == [], path


@pytest.mark.parametrize(
    ("look", "with_all"),
    [
        pytest.param("desk", True, marks=pytest.mark.thorough),
        pytest.param("phone", True, marks=pytest.mark.thorough),
        ("phone", False),
    ],
)
def test_every_page_is_accessible_and_fits(
    open_page: OpenPage, shot: Shot, submission: str, look: str, with_all: bool
) -> None:
    student = ("/", f"/submissions/{submission}", f"/compare?first={submission}&second={submission}", "/nothing/here")
    visits = {"kim": student, "teo": STAFF, "mia": tuple(f"/admin{path}" for path in ADMIN)}
    options = LOOKS[look]
    login = open_page(**options, at="/login")
    expect_accessible(login, "/login", with_all)
    for person, paths in visits.items():
        page = open_page(person, **options)
        for path in paths:
            page.goto(path)
            expect(page.locator("main h1")).to_be_visible()
            expect_accessible(page, path, with_all)
            assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"], path  # type: ignore[index]
            name = path.partition("?")[0].strip("/").replace("/", "-").replace(submission, "submission") or "start"
            shot(page, f"{look}-{name}{'-filtered' if '?' in path else ''}")
