"""The pages in a real browser against a really running service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, expect
from safetensors.torch import save

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, GRADED, Shot, paste_example, shifts, submit, watch_shifts

pytestmark = pytest.mark.browser


def test_student_watches_the_example_earn_its_points(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("ada")
    shot(page, "start")
    assert violations(page) == []
    paste_example(page)
    watch_shifts(page)
    with page.expect_request(lambda request: request.resource_type == "eventsource"):
        submit(page)
    shot(page, "report-running")
    expect(page.locator(".total .points")).to_have_text("3.75 / 4", timeout=GRADED)
    expect(page.locator(".total")).to_contain_text("· Graded", timeout=GRADED)
    shown = {
        question.locator("h3").inner_text()[:3]: question.locator(".points").inner_text()
        for question in page.locator(".question").all()
    }
    assert shown == {
        "1.1": "0.5 / 0.5",
        "1.2": "0.5 / 0.5",
        "2.1": "0.25 / 0.5",
        "2.2": "0.5 / 0.5",
        "3.1": "1 / 1",
        "3.2": "1 / 1",
    }
    expect(page.locator(".question").nth(0)).to_contain_text("96,587 of 100,000")
    expect(page.locator(".total time")).not_to_contain_text("-")  # as the reader writes dates, not as the server does
    moved = shifts(page)
    assert sum(value for value, _ in moved) < 0.01, moved
    picture = page.locator(".question img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert violations(page) == []
    shot(page, "report")


def test_ta_finds_the_submission_and_sets_points_by_hand(open_page: OpenPage, shot: Shot) -> None:
    student = open_page("ada")
    paste_example(student)
    submit(student)
    expect(student.locator(".total")).to_contain_text("Graded", timeout=GRADED)

    page = open_page("teo")
    page.get_by_role("banner").get_by_role("link", name="Dashboard").click()
    row = page.locator("table[data-rows] tbody tr", has_text="ada")
    expect(row).to_contain_text("3.75")
    assert violations(page) == []
    shot(page, "dashboard")
    page.goto("/dashboard/hw13?q=nobody+at+all")
    expect(page.locator("main")).to_contain_text("No student matches")
    page.goto("/dashboard/hw13?q=ada&review=1&sort=score&order=desc")
    expect(row).to_have_count(1)

    row.locator("a").first.click()
    shot(page, "student")
    assert violations(page) == []
    section = page.locator("section[aria-labelledby='q-3.1']")
    section.locator("input[name=score]").fill("0.5")
    section.locator("input[name=reason]").fill("The axis has <no> label.")
    section.get_by_role("button", name="Save").click()
    expect(page.locator(".total .points")).to_have_text("3.25 / 4")

    student.reload()
    expect(student.locator(".total .points")).to_have_text("3.25 / 4")
    expect(student.locator("section[aria-labelledby='q-3.1']")).to_contain_text("The axis has <no> label.")

    section.get_by_text("Set points by hand").click()
    section.get_by_role("button", name="Back to the computed points").click()
    expect(page.locator(".total .points")).to_have_text("3.75 / 4")


@pytest.mark.thorough
def test_uploaded_weights_show_the_measured_curve_beside_the_plot(open_page: OpenPage, shot: Shot) -> None:
    model = (EXAMPLE.parent / "hw13-correct/model.py").read_text()
    namespace: dict[str, Any] = {}
    exec(model, namespace)
    page = open_page("bob", color_scheme="dark")
    page.locator("textarea[name=model]").fill(model)
    page.locator("input[name=pruning_plot-file]").set_input_files(EXAMPLE / "pruning.png")
    weights = save(namespace["get_student_model"]().state_dict())
    page.locator("input[name=weights-file]").set_input_files(
        FilePayload(name="weights.safetensors", mimeType="application/octet-stream", buffer=weights)
    )
    submit(page)
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    expect(page.locator("svg.chart circle")).to_have_count(20)
    page.get_by_text("The measured curve in numbers").click()
    numbers, confusion = page.locator("section[aria-labelledby='q-3.1'] table").all()
    expect(numbers.locator("tbody tr")).to_have_count(20)
    expect(confusion.locator("tbody tr")).to_have_count(11)
    page.get_by_text("Confusion matrix").click()
    assert violations(page) == []
    shot(page, "report-curve-dark")


@pytest.mark.quick
def test_broken_code_shows_the_students_own_line_as_text(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("bob")
    page.locator("textarea[name=model]").fill(
        "def get_student_model():\n    raise ValueError('<script>document.title = \"broken\"</script>')\n"
    )
    submit(page)
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    architecture = page.locator(".question").first
    expect(architecture).to_contain_text("<script>")
    expect(architecture).to_contain_text("line 2")
    assert page.title() != "broken"
    expect(page.locator("header .bar")).to_contain_text("Bob <b>Wu</b>")
    shot(page, "report-error")


def test_an_empty_form_and_a_file_beyond_the_limit_are_refused(open_page: OpenPage, shot: Shot, tmp_path: Path) -> None:
    page = open_page("bob")
    page.locator("main form button", has_text="Submit").click()
    expect(page.locator("[role=alert]")).to_contain_text("at least one part")
    shot(page, "refused")
    (tmp_path / "huge.pt").write_bytes(bytes(45 * 2**20))
    page.locator("input[name=weights-file]").set_input_files(tmp_path / "huge.pt")
    page.locator("textarea[name=summary]").fill("Total params: 5")
    page.locator("main form button", has_text="Submit").click()
    expect(page.locator("h1")).to_have_text("Too large")
    expect(page.locator("main")).to_contain_text("at most 40 MB")
    page.get_by_role("link", name="Back to the page of the form").click()
    expect(page.locator("textarea[name=summary]")).to_have_value("Total params: 5")
    page.get_by_role("button", name="Discard it").click()


def test_a_wrong_token_is_told(open_page: OpenPage, shot: Shot) -> None:
    page = open_page(at="/dashboard/hw13")
    page.wait_for_url("**/login?back=**")
    page.locator("input[name=token]").fill("assay_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("[role=alert]")).to_contain_text("does not exist or was revoked")
    assert violations(page) == []
    shot(page, "login")


def test_a_login_leads_back_and_a_logout_ends_it(open_page: OpenPage, service: Service) -> None:
    page = open_page(at="/dashboard/hw13")
    page.locator("input[name=token]").fill(service.tokens["teo"])
    page.locator("main button").click()
    page.wait_for_url("**/dashboard/hw13")
    page.get_by_role("button", name="Log out").click()
    page.goto("/dashboard/hw13")
    page.wait_for_url("**/login?back=**")


@pytest.mark.thorough
def test_refusals_are_pages_with_a_way_back(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("bob")
    forbidden = page.goto("/dashboard/hw13")
    assert forbidden is not None
    assert forbidden.status == 403
    expect(page.locator("h1")).to_have_text("You do not have access to this page.")
    shot(page, "forbidden")
    for path in ("/nothing/here", "/submissions/no-id", "/submissions/00000000-0000-0000-0000-000000000000"):
        missing = page.goto(path)
        assert missing is not None
        assert missing.status == 404
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert violations(page) == []
    shot(page, "not-found")
    page.get_by_role("link", name="Back to the start").click()
    page.wait_for_url("**/")


@pytest.mark.thorough
def test_language_and_theme_are_remembered(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("bob")
    page.locator("select[name=language]").select_option("zh-Hant")
    page.locator("select[name=theme]").select_option("dark")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("h1")).to_have_text("作業十三：模型壓縮")
    assert violations(page) == []
    expect(page.locator("html")).to_have_css("background-color", "rgb(16, 20, 29)")
    shot(page, "start-chinese-dark")


@pytest.mark.thorough
def test_the_browsers_language_is_spoken(open_page: OpenPage) -> None:
    page = open_page(locale="zh-TW", at="/login")
    expect(page.locator("h1")).to_have_text("登入")


def test_times_are_in_the_readers_zone(open_page: OpenPage) -> None:
    page = open_page("bob", timezone_id="Asia/Taipei")
    page.locator("textarea[name=summary]").fill("Total params: 1")
    submit(page)
    expect(page.locator(".total time")).to_contain_text(re.compile(r"GMT\+8|CST"))


@pytest.mark.thorough
def test_a_phone_shows_the_report_without_scrolling_sideways(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("bob", viewport={"width": 375, "height": 740})
    paste_example(page)
    watch_shifts(page)
    submit(page)
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    moved = shifts(page)
    assert sum(value for value, _ in moved) < 0.01, moved
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shot(page, "report-phone")


def test_without_scripts_the_report_still_arrives(open_page: OpenPage) -> None:
    page = open_page("bob", java_script_enabled=False)
    page.locator("textarea[name=summary]").fill("Total params: 1")
    submit(page)
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    expect(page.locator(".total time")).to_contain_text("UTC")
