"""What people do in Moodle's pages, by the words that stand there: those of Moodle 4.5 in English."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.platforms.moodle import Moodle

PATIENCE = 180_000
"""Milliseconds: Moodle builds its caches at the first visit of a page."""
DOCUMENT = Path(__file__).parents[2] / "docs/lti.md"
_ROW = re.compile(r"^\| (?P<field>[^|]+?) +\| (?P<value>[^|]+?) +\|$", re.MULTILINE)


def documented_fields() -> dict[str, str]:
    """The table under "Moodle" in `docs/lti.md`: each field of the tool with its value."""
    section = DOCUMENT.read_text().partition("\n### Moodle\n")[2].partition("\n### ")[0]
    rows = {row["field"]: row["value"] for row in _ROW.finditer(section)}
    return {field: value for field, value in rows.items() if field != "field" and not field.startswith("-")}


class Visitor:
    """Somebody in a browser of their own, logged in at Moodle."""

    def __init__(self, browser: Browser, moodle: Moodle, login: str, password: str) -> None:
        self.moodle = moodle
        self.context = browser.new_context(base_url=moodle.url, locale="en-GB", viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        self.context.set_default_navigation_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.page.goto("/login/index.php", wait_until="networkidle")
        self.page.get_by_label("Username").fill(login)
        self.page.locator("#password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(re.compile(r"/my/|/admin/|/user/"))

    def close(self) -> None:
        """Close the browser."""
        self.context.close()

    def add_tool(self, tool: str) -> dict[str, str]:
        """Follow `docs/lti.md` as an administrator. Returns what Moodle shows of the tool, by its words."""
        page = self.page
        page.goto("/admin/category.php?category=modltifolder")
        page.get_by_role("link", name="Manage tools", exact=True).first.click()
        page.get_by_role("link", name="configure a tool manually").click()
        page.get_by_role("button", name="Expand all").or_(page.get_by_text("Expand all")).first.click()
        for field, value in documented_fields().items():
            self._fill(field, value.replace("`", "").replace("https://assay.example.edu", tool))
        page.get_by_role("button", name="Save changes").click()
        page.get_by_title("View configuration details").first.click()
        details = page.get_by_role("dialog")
        expect(details).to_contain_text("Authentication request URL")
        shown = re.sub(r"\s+", " ", details.inner_text())
        words = ("Platform ID", "Client ID", "Deployment ID", "Public keyset URL", "Access token URL")
        ends = (*words[1:], "Authentication request URL")
        found = {
            word: shown.partition(f"{word}:")[2].partition(f" {end}:")[0].strip()
            for word, end in zip(words, ends, strict=True)
        }
        found["Authentication request URL"] = shown.partition("Authentication request URL:")[2].split()[0]
        return found

    def add_tool_by_link(self, link: str) -> None:
        """Let the tool and Moodle register each other, as an administrator, and activate the tool."""
        page = self.page
        page.goto("/mod/lti/toolconfigure.php", wait_until="networkidle")
        page.get_by_placeholder("Tool URL...").fill(link)
        page.get_by_role("button", name="Add LTI Advantage").click()
        frame = page.frame_locator("iframe")
        # The course has a tool of the same address, so Moodle asks whether this one takes its place.
        frame.get_by_role("button", name="Register as a new external tool").click()
        frame.get_by_role("button", name="Register", exact=True).click()
        expect(frame.get_by_role("heading", name="Registered")).to_be_visible()
        frame.get_by_role("button", name="Close").click()
        page.get_by_role("link", name="Activate").click()
        expect(page.get_by_role("link", name="Activate")).to_have_count(0)

    def _fill(self, field: str, value: str) -> None:
        control = self.page.get_by_label(field, exact=True).first
        kind = control.evaluate("element => element.type || element.tagName")
        if kind == "checkbox":
            control.set_checked(value == "yes")
        elif kind.startswith("select"):
            control.select_option(label=value)
        else:
            control.fill(value)

    def add_activity(self, course: int, slug: str) -> int:
        """Add the tool to a course and pick the assignment, as a teacher. Returns the activity's id."""
        page = self.page
        page.goto(f"/course/view.php?id={course}")
        page.get_by_label("Edit mode").check()
        page.get_by_role("button", name="Add an activity or resource").first.click()
        page.get_by_role("dialog").get_by_role("menuitem", name="Assay", exact=True).first.locator("a").click()
        # Its scripts come late; before, the button does nothing.
        page.wait_for_load_state("networkidle")
        page.get_by_role("button", name="Select content").click()
        frame = self.content_frame()
        frame.locator(f"input[value={slug}]").check()
        frame.get_by_role("button", name="Use this assignment").click()
        expect(page.get_by_label("Activity name")).not_to_have_value("")
        page.get_by_role("button", name="Save and return to course").click()
        expect(page.locator("li.activity.lti").last).to_be_visible()
        ((activity,),) = self.moodle.rows(
            "SELECT max(m.id) FROM mdl_course_modules m JOIN mdl_modules k ON k.id = m.module WHERE k.name = 'lti'"
        )
        return int(activity)

    def content_frame(self) -> FrameLocator:
        """The frame in which the tool shows its choice."""
        return self.page.get_by_role("dialog").frame_locator("iframe")

    def open_activity(self, activity: int) -> Page:
        """Open an activity: the window that the tool gets."""
        self.page.goto(f"/mod/lti/view.php?id={activity}&forceview=1")
        with self.context.expect_page() as opened:
            self.page.get_by_role("link", name="Open in new window").click()
        window = opened.value
        window.wait_for_load_state()
        return window

    def lock_grade(self, course: int, activity: int, login: str, *, locked: bool) -> None:
        """Lock the grade of somebody in the gradebook, or unlock it."""
        item, user = self.moodle.column(activity)[0], self.moodle.user(login)
        self.page.goto(f"/grade/edit/tree/grade.php?courseid={course}&itemid={item}&userid={user}")
        self.page.get_by_label("Locked", exact=True).set_checked(locked)
        self.page.get_by_role("button", name="Save changes").click()
        self.page.wait_for_load_state()
