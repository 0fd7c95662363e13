"""A term is copied, archived and deleted in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage
from tests.browser.steps import Shot

pytestmark = pytest.mark.browser
PHONE: ViewportSize = {"width": 390, "height": 844}


def test_a_term_is_copied_archived_and_deleted(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("mia", at="/admin")
    page.get_by_role("link", name="Add a course").click()
    page.get_by_role("link", name="Main course").first.click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Copy for a next term").click()
    page.locator("input[name=title]").fill("Compression")
    page.locator("input[name=slug]").fill("nc28")
    page.locator("input[name=term]").fill("Spring 2028")
    page.locator("input[name=shift_days]").fill("364")
    page.get_by_role("button", name="Copy").click()
    expect(page).to_have_url("/courses/nc28")
    expect(page.get_by_role("link", name="HW13: Network Compression", exact=True)).to_be_visible()

    page.goto("/")
    expect(page.get_by_role("heading", name="Compression Spring 2028")).to_be_visible()
    for path in ("/", "/dashboard/nc28.hw13", "/admin", "/admin/courses", "/admin/people", "/admin/people/kim",
                 *(f"/courses/nc28{tab}" for tab in ("", "/people", "/settings", "/copy", "/delete")),
                 "/courses/main/people", "/courses/main/people/kim"):  # fmt: skip
        page.set_viewport_size(PHONE)
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        shot(page, f"courses{path.replace('/', '-')}")

    page.goto("/courses/nc28/settings")
    page.get_by_text("Archive this course…").click()
    page.get_by_role("button", name="Archive now").click()
    expect(page.get_by_role("status")).to_contain_text("Archived:")
    page.goto("/")
    folded = page.get_by_role("link", name="Page of the course")
    expect(folded).to_be_hidden()
    page.get_by_text("Compression · Spring 2028 · archived").click()
    expect(folded).to_be_visible()

    page.goto("/courses/nc28/delete")
    page.get_by_label("Type nc28").fill("main")
    page.locator("button.danger").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Type nc28").fill("nc28")
    page.locator("button.danger").click()
    expect(page).to_have_url("/admin/courses")
    expect(page.get_by_text("Compression")).to_have_count(0)
    page.goto("/")
    expect(page.locator("a[href^='/courses']")).to_have_count(0)
