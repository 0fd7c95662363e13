"""What the course's staff do all day: review by key, regrade, keep the people."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, expect

from grader.assignment import ASSIGNMENTS
from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, GRADED, Shot, submit
from tests.command_line import assay

pytestmark = pytest.mark.browser
HOSTILE = (
    "def get_student_model():\n    print('\\x1b[31m<script>document.title=1</script>')\n    raise ValueError('<b>')\n"
)


@pytest.fixture(scope="module")
def reviewed(service: Service) -> list[str]:
    """Three students with a plot each, which a person must look at; the first one's code is hostile."""
    logins = ["fay", "gus", "hal"]
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=120) as client:
        for login in logins:
            files = {"pruning_plot": ("p.png", (EXAMPLE / "pruning.png").read_bytes(), "image/png")}
            data = {"assignment": "hw13", **({"model": HOSTILE} if login == "fay" else {})}
            headers = {"Authorization": f"Bearer {service.tokens[login]}"}
            answer = client.post("/submissions", data=data, files=files, headers=headers).json()
            state = client.get(f"/submissions/{answer['id']}?wait=60", headers=headers).json()["state"]
            assert state == "graded"
        # What other files handed in must not come to the queue while it is counted.
        admin = {"Authorization": f"Bearer {service.tokens['mia']}"}
        until = time.monotonic() + 120
        while (work := client.get("/admin/workers", headers=admin).json())["waiting"] + work["running"]:
            assert time.monotonic() < until, work
            time.sleep(0.2)
    return logins


def test_a_ta_reviews_three_with_the_keyboard(open_page: OpenPage, shot: Shot, reviewed: list[str]) -> None:
    page = open_page("teo", viewport={"width": 1280, "height": 800}, at="/dashboard/hw13/review?question=3.1")
    waiting = int(page.locator("strong", has_text="to review").inner_text().split()[0])
    assert waiting >= len(reviewed)
    assert page.locator(".question img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    for above_the_fold in (page.locator(".question img"), page.locator(".decide")):
        box = above_the_fold.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800
    expect(page.locator("pre.source").first).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_text("leave the comment")).to_be_visible()
    assert violations(page) == []
    shot(page, "review")
    page.keyboard.press("?")
    page.keyboard.press("r")
    page.keyboard.type("5 rows, 1 curve")  # digits are text while the comment has the focus
    page.keyboard.press("Escape")
    for left, key in ((1, "5"), (2, "Enter"), (3, "r")):
        with page.expect_navigation():  # keys count once the next page is there
            page.keyboard.press(key)
            if key == "r":
                page.keyboard.type("Seen.")
                page.keyboard.press("Control+Enter")
        if left < waiting:
            expect(page.locator("strong", has_text=f"{waiting - left} to review")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("u")
    expect(page.locator("strong", has_text=f"{waiting - 2} to review")).to_be_visible()

    # A comment with points takes two keys: its digit, and Enter.
    page.goto("/dashboard/hw13/review-items?question=3.1")
    page.locator("input[name=english]").fill("The axes have no labels.")
    page.locator("input[name=deduction]").fill("0.25")
    page.get_by_role("button", name="Add an item").click()
    expect(page.locator(".item")).to_contain_text("given 0 times")
    assert violations(page) == []
    page.get_by_role("link", name="Back to the review").click()
    expect(page.locator("button.save")).to_contain_text("Confirm 1")
    points = page.locator("button.save output")
    expect(points).to_have_text("1")  # the script runs
    page.keyboard.press("1")
    expect(points).to_have_text("0.75")
    assert violations(page) == []
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto("/dashboard/hw13/review-items?question=3.1")
    page.get_by_text("Change", exact=True).click()
    page.locator(".item input[name=deduction]").fill("0.5")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".item")).to_contain_text("Points rise for 0 and fall for 1")
    assert violations(page) == []
    shot(page, "review-item-preview")
    page.get_by_role("button", name="Publish for everyone").click()
    expect(page.locator(".item")).to_contain_text("−0.5")


@pytest.mark.thorough
def test_the_students_page_shows_hostile_text_as_text(open_page: OpenPage, shot: Shot, reviewed: list[str]) -> None:
    page = open_page("teo", at=f"/dashboard/hw13/students/{reviewed[0]}")
    expect(page.locator("pre.source").first).to_contain_text("<script>document.title=1</script>")
    expect(page.locator("main")).to_contain_text("ValueError: <b>")
    page.get_by_text("Output of your code").click()
    expect(page.locator("main")).to_contain_text("\\x1b[31m<script>document.title=1</script>")
    assert page.title() != "1"
    assert violations(page) == []
    shot(page, "student-hostile")


@pytest.mark.thorough
def test_the_view_of_a_student_is_there_to_read(open_page: OpenPage, shot: Shot, reviewed: list[str]) -> None:
    page = open_page("teo")
    page.goto(f"/dashboard/hw13/students/{reviewed[1]}")
    page.get_by_role("link", name="View as this student").click()
    expect(page.locator(".student-view")).to_contain_text(f"({reviewed[1]})")
    expect(page.locator("#submission-form textarea").first).to_be_disabled()
    expect(page.locator("#submission-form button", has_text="Submit")).to_be_disabled()
    assert violations(page) == []
    shot(page, "student-view")
    page.locator("table a[href*='/view/']").first.click()
    expect(page.locator("#report")).to_be_visible()
    assert violations(page) == []
    shot(page, "student-view-report")
    page.get_by_role("link", name="Back to your own view").click()
    page.wait_for_url(f"**/dashboard/hw13/students/{reviewed[1]}")


def test_the_class_is_searched_sorted_and_opened_by_keys(open_page: OpenPage, reviewed: list[str]) -> None:
    page = open_page("teo", at="/dashboard/hw13")
    page.keyboard.press("/")
    page.keyboard.type(reviewed[1])
    page.keyboard.press("Enter")
    expect(page.locator("table[data-rows] tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator("h2").first.click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/students/{reviewed[1]}?q={reviewed[1]}")


@pytest.mark.thorough
def test_an_extension_takes_three_clicks_and_many_take_no_more(
    open_page: OpenPage, shot: Shot, service: Service, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(ASSIGNMENTS / "hw13", tmp_path / "due"))
    text = (folder / "assignment.toml").read_text().replace('slug = "hw13"', 'slug = "hw13-due"')
    (folder / "assignment.toml").write_text(
        text.replace("[schedule]", "[schedule]\ndeadline = 2026-01-31T23:59:00Z", 1)
    )
    assert assay("assignment", "publish", str(folder), **service.environment).returncode == 0
    page = open_page("teo", at="/dashboard/hw13-due")
    clicks = 0

    def click(target: Locator) -> None:
        nonlocal clicks
        clicks += 1
        target.click()

    click(page.get_by_role("link", name="kim", exact=True))
    click(page.locator("#extend summary"))
    page.locator("#extend input[name=deadline]").fill("2027-02-03T12:00")
    page.locator("#extend input[name=reason]").fill("ill")
    assert violations(page) == []
    shot(page, "student-extend")
    page.keyboard.press("Enter")
    expect(page.locator("#decisions")).to_contain_text("extended by teo: ill")
    assert clicks <= 4
    clicks = 0
    page.keyboard.press("n")
    page.wait_for_url("**/students/leo")
    page.goto("/dashboard/hw13-due")
    for login in ("gus", "hal"):
        click(page.get_by_label(f"Select {login}"))
    click(page.get_by_role("button", name="Later deadline for the selected"))
    page.locator("input[name=deadline]").fill("2027-02-04T12:00")
    page.locator("input[name=reason]").fill("storm")
    assert violations(page) == []
    shot(page, "extensions")
    click(page.get_by_role("button", name="Later deadline"))
    expect(page.locator("main p[role=status]")).to_contain_text("2")
    assert clicks <= 4
    expect(page.locator("tbody tr", has_text="storm")).to_have_count(2)


@pytest.mark.thorough
def test_a_bar_leads_to_its_students(open_page: OpenPage, shot: Shot, reviewed: list[str]) -> None:
    page = open_page("teo", at="/dashboard/hw13")
    page.locator("summary", has_text="Full points by question").click()
    page.locator("#tile-full li a", has_text="2.2").click()
    expect(page.locator(".chip").first).to_be_visible()
    assert violations(page) == []
    shot(page, "dashboard-filtered")


def publish(service: Service, folder: Path, version: int, points: str) -> None:
    """A course of its own, so that the others' points stay: the second question is worth this much."""
    shutil.copytree(ASSIGNMENTS / "hw13", folder)
    text = (folder / "assignment.toml").read_text()
    text = text.replace('slug = "hw13"', 'slug = "hw13-two"').replace("version = 1\n", f"version = {version}\n", 1)
    before, after = text.split('number = "2.2"')
    (folder / "assignment.toml").write_text(f'{before}number = "2.2"{after.replace("points = 0.5", points, 1)}')
    assert assay("assignment", "publish", str(folder), **service.environment).returncode == 0


def test_an_admin_regrades_reads_publishes_and_takes_it_back(
    open_page: OpenPage, shot: Shot, service: Service, tmp_path: Path
) -> None:
    publish(service, tmp_path / "first", 1, "points = 0.5")
    student = open_page("hal")
    student.get_by_role("link", name="HW13: Network Compression").last.click()
    assert violations(student) == []
    student.locator("input[name='answer-2.2'][value=softer]").check()
    submit(student)
    expect(student.locator(".total")).to_contain_text("· Graded", timeout=GRADED)
    expect(student.locator(".total .points")).to_have_text("0.5 / 4")

    publish(service, tmp_path / "second", 2, "points = 1.5")
    page = open_page("mia", at="/admin/regrades")
    page.locator("select[name=assignment]").select_option("hw13-two")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/admin/regrades/*")
    publishing = page.locator("#publish")
    expect(publishing).to_be_visible(timeout=GRADED)
    row = page.locator("tbody tr", has_text="hal")
    expect(row.locator(".number").first).to_have_text("0.5")
    expect(row.locator(".number").last).to_have_text("1.5")
    assert violations(page) == []
    shot(page, "regrade-preview")
    student.reload()
    expect(student.locator(".total .points")).to_have_text("0.5 / 4")

    publishing.locator("summary").click()
    expect(publishing).to_contain_text("Changed results: 1")
    assert violations(page) == []
    shot(page, "regrade-publish")
    publishing.get_by_role("button").click()
    expect(page.locator("h2")).to_contain_text("published")
    student.reload()
    expect(student.locator("section[aria-labelledby='q-2.2'] .points")).to_have_text("1.5 / 1.5")
    expect(student.locator("main")).to_contain_text("0.5 points became 1.5")
    shot(page, "regrade")
    page.locator("#revert summary").click()
    page.get_by_role("button", name="Revert now").click()
    expect(page.locator("h2")).to_contain_text("reverted")
    student.reload()
    expect(student.locator("section[aria-labelledby='q-2.2'] .points")).to_have_text("0.5 / 0.5")


@pytest.mark.thorough
def test_a_ta_releases_results_and_withdraws_them(
    open_page: OpenPage, shot: Shot, service: Service, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(ASSIGNMENTS / "hw13", tmp_path / "released"))
    text = (folder / "assignment.toml").read_text().replace('slug = "hw13"', 'slug = "hw13-release"')
    text = text.replace('number = "2.2"', 'number = "2.2"\ntell = "when released"')
    (folder / "assignment.toml").write_text(text)
    assert assay("assignment", "publish", str(folder), **service.environment).returncode == 0
    student = open_page("hal", at="/?assignment=hw13-release")
    student.locator("input[name='answer-2.2'][value=softer]").check()
    submit(student)
    expect(student.locator(".total")).to_contain_text("· Graded", timeout=GRADED)
    points = student.locator("section[aria-labelledby='q-2.2'] .points")
    expect(points).to_have_text("– / 0.5")
    page = open_page("teo", at="/dashboard/hw13-release")
    page.get_by_role("link", name="Release", exact=True).click()
    expect(page.locator("main")).to_contain_text("Results of 2.2 are withheld until you release them.")
    assert violations(page) == []
    page.get_by_role("button", name="Release these results").click()
    expect(page.locator("main")).to_contain_text("Results of 2.2 are released, by teo:")
    assert violations(page) == []
    shot(page, "release")
    student.reload()
    expect(points).to_have_text("0.5 / 0.5")
    page.get_by_role("button", name="Withdraw the release").click()
    expect(page.locator("main")).to_contain_text("Results of 2.2 are withheld until you release them.")
    student.reload()
    expect(points).to_have_text("– / 0.5")


@pytest.mark.thorough
def test_an_admin_looks_at_a_roster_before_importing_it(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("mia", at="/admin/people")
    assert violations(page) == []
    page.locator("#import > summary").click()
    page.locator("textarea[name=roster]").fill("login,name\nzoe,Zoe <i>Ng</i>\nada,Ada Lin\n")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main")).to_contain_text("1 new, 0 changed, 2 in all")
    assert violations(page) == []
    shot(page, "roster")
    page.get_by_role("button", name="Import").click()
    tokens = page.locator("textarea").input_value().splitlines()
    assert tokens[0] == "login,name,token"
    assert len(tokens) == 2
    page.goto("/admin/people/zoe")
    page.get_by_text("Revoke assay_").click()
    assert violations(page) == []
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.locator("tbody")).to_contain_text("revoked")


def test_a_login_link_logs_in_after_its_button(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("mia", at="/admin/people/hal")
    page.get_by_role("button", name="Create a login link").click()
    link = page.locator("textarea").input_value().splitlines()[1].rsplit(",", 1)[1]
    student = open_page(at=link)
    expect(student.locator("main")).to_contain_text("press the button to log in")
    expect(student.get_by_role("button", name="Log in")).to_be_focused()
    assert violations(student) == []
    shot(student, "login-link")
    assert "assay_link_" not in student.url
    student.keyboard.press("Enter")
    student.wait_for_url("**/")
    expect(student.get_by_role("banner")).to_contain_text("Hal")


def test_a_lost_connection_is_told(open_page: OpenPage) -> None:
    page = open_page("dan")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()


def test_a_long_name_leaves_room_for_the_points_on_a_phone(open_page: OpenPage, reviewed: list[str]) -> None:
    page = open_page("teo", viewport={"width": 390, "height": 800}, at="/dashboard/hw13")
    row = page.locator("table[data-rows] tbody tr", has_text=reviewed[0])
    row.locator("th .quiet").evaluate("name => { name.textContent = 'Maximiliana Alexandrovna '.repeat(5); }")
    points = row.locator("td.number").first.bounding_box()
    assert points is not None
    assert points["x"] + points["width"] < 390


def test_a_dark_page_is_printed_dark_on_white_without_what_cannot_be_pressed(
    open_page: OpenPage, reviewed: list[str]
) -> None:
    page = open_page("teo", color_scheme="dark", at=f"/dashboard/hw13/students/{reviewed[0]}")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_role("button", name="Apply").click()
    page.emulate_media(media="print")
    expect(page.locator("main h1")).to_have_css("color", "rgb(26, 32, 51)")
    expect(page.locator("main .quiet").first).to_have_css("color", "rgb(82, 95, 122)")
    expect(page.get_by_role("table").first).to_be_visible()
    for pressed in ("body > header", "body > footer", "form.override", "button", "main nav.bar"):
        expect(page.locator(pressed).first).to_be_hidden()
    page.set_viewport_size({"width": 1040, "height": 720})  # A4 in landscape, without its margins
    page.goto("/dashboard/hw13")
    assert page.locator("table[data-rows]").evaluate("table => table.getBoundingClientRect().right") <= 1040
    expect(page.locator("#selection")).to_be_hidden()


def test_a_student_sees_the_points_of_an_attempt_on_a_phone(open_page: OpenPage, reviewed: list[str]) -> None:
    page = open_page(reviewed[0], viewport={"width": 390, "height": 800})
    points = page.locator("form[action='/compare'] td.number", has_text="/ 4").first.bounding_box()
    assert points is not None
    assert points["x"] + points["width"] < 380
