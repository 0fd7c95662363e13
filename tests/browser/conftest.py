"""A service as users run it, with its worker and its sandbox, and a real browser to open its pages with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from app.settings import Settings
from tests.integration.budgets import publish_brief

PATIENCE = 30_000
"""Milliseconds that a page on a busy machine may take to show what is expected of it."""
expect.set_options(timeout=PATIENCE)
ROOT = Path(__file__).parents[2]
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
ASSAY = [sys.executable, "-c", "from app.cli import main; main()"]


@dataclass(frozen=True)
class Service:
    """A running service, the tokens of its people, and the variables that its command line needs."""

    url: str
    tokens: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`assay serve` on a database of its own, ready to grade."""
    data = tmp_path_factory.mktemp("service")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = {**kept, "ASSAY_DATA_DIR": str(data), "ASSAY_PORT": str(port), "ASSAY_LTI_ALLOW_LOCAL": "true"}
    (data / "roster.csv").write_text(ROSTER)
    subprocess.run([*ASSAY, "migrate"], cwd=ROOT, env=environment, check=True, capture_output=True)
    imported = subprocess.run(
        [*ASSAY, "users", "import", str(data / "roster.csv")],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    tokens = dict(line.split(",") for line in imported.stdout.splitlines())
    log = data / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen([*ASSAY, "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, log)
        publish_brief(Settings(data_dir=data))
        yield Service(url, tokens, environment)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the service did not become ready:\n{log.read_text()[-4000:]}")


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
    """Opens a browser of its own for a person, logged in; a console error or a request elsewhere fails the test."""
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

    def opened(login: str | None = None, **options: object) -> Page:
        context = browser.new_context(base_url=service.url, **{"locale": "en-GB", **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("request", asked)
        page.on("pageerror", failed)
        if login is not None:
            page.goto("/login")
            page.locator("input[name=token]").fill(service.tokens[login])
            page.locator("main button").click()
            page.wait_for_url(f"{service.url}/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keeps a screenshot of the whole page as an artefact of the run, in ``screenshots/`` unless told elsewhere."""
    folder = Path(os.environ.get("SCREENSHOTS", ROOT / "screenshots"))

    def take(page: Page, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    return take
