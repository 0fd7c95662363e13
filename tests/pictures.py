"""Take the pictures of the documents from a service with demonstration data: ``python -m tests.pictures``.

One service grades the example; another one shows a class of forty made-up students.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from app.db.engine import Database
from tests import class_rows
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.steps import GRADED, paste_example, submit
from tests.integration.service import ADMIN_TOKEN, Service
from tests.load.figures import settings_in

PICTURES = Path(__file__).parents[1] / "docs/pictures"
VIEW: ViewportSize = {"width": 1280, "height": 800}
_COLOURS = 64
_ADA = {"login": "b10901001", "name": "Ada Lin", "student_id": "B10901001"}


def main() -> None:
    """Write each picture."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        _with_service(browser, _example, worker=True)
        _with_service(browser, _class, worker=False)


def _with_service(browser: Browser, work: Callable[[Browser, Service], None], worker: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(settings_in(Path(folder)), worker=worker)
        try:
            work(browser, service)
        finally:
            service.close()


def _example(browser: Browser, service: Service) -> None:
    token = service.admin.post("/admin/users", json=_ADA).json()["token"]
    page = _log_in(browser, service, token)
    page.goto("/?assignment=hw13")
    paste_example(page)
    page.locator("[id='mark-1.2'] .good").wait_for()
    take(page, "form", "#submission-form")
    submit(page)
    service.client(token).wait_for_state(page.url.rsplit("/", 1)[1], "graded", GRADED / 1000)
    page.reload()
    take(page, "report")
    take(page, "curve", "svg.chart")
    staff = _log_in(browser, service, ADMIN_TOKEN)
    staff.goto("/dashboard/hw13/review?question=3.1")
    take(staff, "review")


def _class(browser: Browser, service: Service) -> None:
    database = Database(service.settings)
    class_rows.enrol(database, 40, 2)
    database.close()
    page = _log_in(browser, service, ADMIN_TOKEN)
    page.goto("/dashboard/hw13")
    take(page, "class")


def _log_in(browser: Browser, service: Service, token: str) -> Page:
    page = browser.new_page(base_url=service.url, locale="en-GB", viewport=VIEW)
    page.set_default_timeout(GRADED)
    page.goto("/login")
    page.locator("input[name=token]").fill(token)
    page.locator("main button").click()
    page.wait_for_url(f"{service.url}/**")
    return page


def take(page: Page, name: str, top: str | None = None) -> None:
    """Write what the window shows, from the top or from an element on, in few colours."""
    page.evaluate("top => top ? document.querySelector(top).scrollIntoView() : window.scrollTo(0, 0)", top)
    page.wait_for_timeout(500)  # a picture has no state to wait for: let fonts and charts settle
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(_COLOURS).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
