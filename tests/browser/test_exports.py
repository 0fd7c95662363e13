"""A class's scores leave for Canvas in three clicks."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import Shot

pytestmark = pytest.mark.browser
HEAD = "Student,ID,SIS Login ID,Section,HW13 (77)\r\n    Points Possible,,,,4.00\r\n"


@pytest.mark.thorough
def test_a_canvas_gradebook_is_filled_in_three_clicks(
    open_page: OpenPage, shot: Shot, service: Service, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {service.tokens['jim']}"}
    with httpx.Client(base_url=f"{service.url}/api/v1", headers=headers, timeout=120) as client:
        fields = {"assignment": (None, "hw13"), "answers": (None, '{"2.2": "softer"}')}
        made = client.post("/submissions", files=fields).json()["id"]
        assert client.get(f"/submissions/{made}?wait=60").json()["state"] == "graded"
        attempts = client.get("/submissions", params={"assignment": "hw13"}).json()["items"]
        score = max(attempt["score"] for attempt in attempts)  # the best counts, whoever else submits as jim
    gradebook = tmp_path / "Grades.csv"
    gradebook.write_bytes(f'{HEAD}"Jim, ""J""",1,JIM,S,\r\nGhost,2,ghost,S,1\r\n'.encode())
    page = open_page("teo", viewport={"width": 1280, "height": 800}, at="/dashboard/hw13")
    page.get_by_role("link", name="Exports").click()
    assert violations(page) == []
    with page.expect_file_chooser() as chooser:
        page.locator("input[type=file]").click()
    chooser.value.set_files(gradebook)
    expect(page.get_by_role("heading", name="Canvas: HW13 (77)")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Rows of the gradebook that name nobody here: 1")
    assert violations(page) == []
    shot(page, "canvas-preview")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the filled gradebook").click()
    assert download.value.suggested_filename == "Grades.csv"
    filled = Path(download.value.path()).read_bytes()
    assert filled == gradebook.read_bytes().replace(b",JIM,S,", f",JIM,S,{score:.2f}".encode())
