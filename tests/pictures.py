"""Take the pictures of the documents from a service with demonstration data: ``python -m tests.pictures``.

A class of forty made-up students, and one who submits the example: first all of it, then another loss.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from app.db.engine import Database
from tests import class_rows
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.steps import GRADED, paste_example, submit
from tests.integration.service import ADMIN_TOKEN, Client, Service
from tests.load.figures import settings_in

PICTURES = Path(__file__).parents[1] / "docs/pictures"
WIDTH, HEIGHT = 1280, 800
_COLOURS = 64


def main() -> None:
    """Start the service, do what a course does, and write each picture."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = settings_in(Path(folder))
        service = Service(settings, worker=True)
        try:
            person = {"login": "b10901001", "name": "Ada Lin", "student_id": "B10901001"}
            token = service.admin.post("/admin/users", json=person).json()["token"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            view: ViewportSize = {"width": WIDTH, "height": HEIGHT}
            student, staff = (browser.new_page(base_url=service.url, locale="en-GB", viewport=view) for _ in "12")
            for page, secret in ((student, token), (staff, ADMIN_TOKEN)):
                page.set_default_timeout(GRADED)
                page.goto("/login")
                page.locator("input[name=token]").fill(secret)
                page.locator("main button").click()
                page.wait_for_url(f"{service.url}/**")
            _student(student, service.client(token))
            staff.goto("/dashboard/hw13/review?question=3.1")
            take(staff, "review")
            database = Database(settings)
            class_rows.enrol(database, 40, 2)
            database.close()
            staff.goto("/dashboard/hw13")
            take(staff, "class")
        finally:
            service.close()


def _student(page: Page, client: Client) -> None:
    page.goto("/?assignment=hw13")
    paste_example(page)
    page.locator("[id='mark-1.2'] .good").wait_for()
    take(page, "form", "#submission-form")
    submit(page)
    client.wait_for_state(page.url.rsplit("/", 1)[1], "graded", GRADED / 1000)
    page.reload()
    take(page, "report")
    take(page, "curve", "svg.chart")


def take(page: Page, name: str, top: str | None = None) -> None:
    """Write what the window shows, from the top or from an element on, in few colours."""
    page.evaluate("top => top ? document.querySelector(top).scrollIntoView() : window.scrollTo(0, 0)", top)
    page.wait_for_timeout(500)  # a picture has no state to wait for: let fonts and charts settle
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(_COLOURS).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
