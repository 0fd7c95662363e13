"""An admin's first assignment, made, tried and published with a browser alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from app.drafts import archive
from grader.assignment_check import MAIN
from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage
from tests.browser.steps import Shot
from tests.integration.test_drafts import FOLDER, one_function

TRIED = 240_000
"""Milliseconds for the trial of a few functions on a busy machine."""


def test_a_first_assignment_takes_a_browser_alone(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("mia")
    clicks = 0

    def click(target: Locator) -> None:
        nonlocal clicks
        clicks += 1
        target.click()

    page.goto("/admin/assignments")
    click(page.get_by_role("link", name="New assignment"))
    page.get_by_label("Short name").fill("zz-first")
    page.get_by_label("Title in English").fill("My first one")
    click(page.get_by_role("button", name="Begin the draft"))
    page.locator("input[name=deadline]").fill("2031-05-20T23:59:59")
    page.locator("input[name=zone]").fill("+08:00")
    page.locator("input[name=late_percent]").fill("10")
    click(page.get_by_role("button", name="Save as draft"))
    days = page.locator("input[name=late_days]")
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(page.locator("input[name=deadline]")).to_have_value("2031-05-20T23:59:59")
    assert violations(page) == []
    shot(page, "assignment-settings")
    days.fill("3")
    click(page.get_by_role("button", name="Save as draft"))
    expect(page.locator("main")).to_contain_text("10% a day, at most 3 days")
    assert violations(page) == []
    shot(page, "assignment-draft")
    student = page.context.new_page()
    student.goto("/admin/assignments/zz-first/student?draft=1")
    expect(student.locator("main button")).to_be_disabled()
    assert violations(student) == []
    shot(student, "assignment-as-student")
    click(page.get_by_text("Publish as a new version…"))
    click(page.get_by_role("button", name="Publish version 1"))
    page.wait_for_url("**/admin/assignments/zz-first")
    assert clicks == 6
    page.goto("/?assignment=zz-first")
    expect(page.locator("h1")).to_have_text("My first one")


@pytest.mark.thorough
def test_an_uploaded_folder_is_corrected_and_tried(open_page: OpenPage, shot: Shot, tmp_path: Path) -> None:
    texts = one_function("zz-function")
    faulty, right = tmp_path / "faulty.zip", tmp_path / "right.zip"
    broken = texts[MAIN].replace("attempts_per_day", "attempts_per_dya")
    faulty.write_bytes(archive.write({**texts, MAIN: broken, f"{FOLDER}reference.py": "\n\ndef ("}, "course"))
    right.write_bytes(archive.write(texts, "course"))
    page = open_page("mia")
    page.goto("/admin/new-assignment")
    page.get_by_label("ZIP archive").set_input_files(faulty)
    page.get_by_role("button", name="Upload and check").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("did you mean `attempts_per_day`?")
    expect(rows.last).to_contain_text(f"{FOLDER}reference.py")
    assert violations(page) == []
    shot(page, "assignment-faults")
    page.get_by_label("ZIP archive").set_input_files(right)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("main")).to_contain_text("2 known mistakes and 3 right variants", timeout=TRIED)
    assert violations(page) == []
    shot(page, "assignment-tried")
    page.get_by_text("Discard the draft…").click()
    page.get_by_role("button", name="Discard it now").click()
    page.wait_for_url("**/admin/assignments")
    expect(page.locator("main")).not_to_contain_text("zz-function")
