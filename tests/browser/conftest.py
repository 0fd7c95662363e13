"""A service with its worker and its sandbox, and a real browser to open its pages with."""

from __future__ import annotations

import csv
import io
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from grader.sandbox.supervisor import Sandbox
from tests.command_line import train_briefly
from tests.integration.conftest import MakeSettings, make_settings, migrated_sqlite
from tests.integration.service import ServiceInProcess, Site, variables

__all__ = ["make_settings", "migrated_sqlite"]

PATIENCE = 30_000
"""Milliseconds that a page on a busy machine may take to show what is expected of it."""
expect.set_options(timeout=PATIENCE)
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROSTER = """login,name,role,student_id
ada,Ada Lin,student,B10901001
bob,Bob <b>Wu</b>,student,B10901002
dan,Dan,student,
eve,Eve,student,
fay,Fay,student,
gus,Gus,student,
hal,Hal,student,
ivy,Ivy,student,
jim,Jim,student,
kim,Kim <i>Lee</i>,student,
leo,Leo,student,
teo,Teo,ta,
mia,Mia,admin,
"""


@dataclass(frozen=True)
class Service:
    """A running service, the tokens of its people, and the variables that its command line needs."""

    url: str
    tokens: dict[str, str]
    environment: dict[str, str]

    def staff_page(self, login: str, submission: str | uuid.UUID) -> str:
        """The staff's page of a student of hw13, on this attempt. Of itself it opens on the one that counts."""
        headers = {"Authorization": f"Bearer {self.tokens[login]}"}
        report = httpx.get(f"{self.url}/api/v1/submissions/{submission}", headers=headers, timeout=60).json()
        return f"/dashboard/hw13/students/{login}?attempt={report['attempt']}"


@pytest.fixture(scope="package")
def service(make_settings: MakeSettings, sandbox: Sandbox) -> Iterator[Service]:
    """A service that grades, with the shortest training there is."""
    settings = make_settings("sqlite").model_copy(
        update={"lti_allow_local": True, "heartbeat_seconds": 5.0, "silent_seconds": 60.0}
    )
    started = ServiceInProcess(settings, sandbox)
    try:
        with pytest.MonkeyPatch.context() as patch:
            train_briefly(patch)
            tokens = {row["login"]: _register(started, row) for row in csv.DictReader(io.StringIO(ROSTER))}
            yield Service(started.url, tokens, {**variables(settings), "ASSAY_LTI_ALLOW_LOCAL": "true"})
    finally:
        started.close()


def _register(service: Site, person: dict[str, str]) -> str:
    """Register somebody. Returns the token."""
    answer = service.admin.post("/admin/users", json={**person, "student_id": person["student_id"] or None})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. It must be there: a missing browser fails the tests.

    Ends with these tests: its event loop would stand in the way of the others' in the same process.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, service: Service) -> Iterator[OpenPage]:
    """Opens a page in a browser of its own, as somebody who is logged in and at their first page, or at a given one.

    A console error or a request elsewhere fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A page that answers 4xx on purpose is reported by the browser as a failed load of the page itself, and htmx
        # reports a request that did not arrive or whose page was left.
        expected = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")
        if message.type == "error" and not message.text.startswith(expected):
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((service.url, "data:")):
            complaints.append(f"asked another host: {request.url}")

    def failed(error: Error) -> None:
        complaints.append(str(error))

    def opened(login: str | None = None, *, at: str = "", **options: object) -> Page:
        usual = {"locale": "en-GB", "reduced_motion": "reduce"}
        context = browser.new_context(base_url=service.url, **{**usual, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("request", asked)
        page.on("pageerror", failed)
        if login is not None:
            # Not by the two pages of the login, which `test_form` and `test_pages` use as people do.
            answer = context.request.post("/login", form={"token": service.tokens[login]}, max_redirects=0)
            assert answer.status == 303, answer.text()
        if login is not None or at:
            page.goto(at or "/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keeps a screenshot of the whole page as an artefact of the run, in the folder that ``SCREENSHOTS`` names."""
    folder = os.environ.get("SCREENSHOTS")

    def take(page: Page, name: str) -> None:
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return take
