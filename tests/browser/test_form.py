"""The form to submit remembers its text, starts from an attempt, asks about files, and needs few keys."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, GRADED, Shot, submit

pytestmark = pytest.mark.browser
MODEL = "def get_student_model():\n    return 1\n"
MOST_KEYS = 40
MOST_BYTES = 120_000


def fill(page: Page) -> None:
    """Text, a choice and a tick, and the check of them."""
    page.locator("textarea[name=model]").fill(MODEL)
    page.locator("input[name='answer-2.2'][value=softer]").check()
    page.locator("#repair").check()
    expect(page.locator("#mark-1\\.1")).to_contain_text("get_student_model is defined")


def expect_filled(page: Page) -> None:
    expect(page.locator("#draft-restored")).to_be_visible()
    expect(page.locator("textarea[name=model]")).to_have_value(MODEL)
    expect(page.locator("input[name='answer-2.2'][value=softer]")).to_be_checked()
    expect(page.locator("#repair")).to_be_checked()


def drafts(page: Page) -> int:
    """How many drafts the browser keeps."""
    count: int = page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('assay-draft:')).length")
    return count


def log_in(page: Page, service: Service, login: str) -> None:
    page.locator("input[name=token]").fill(service.tokens[login])
    page.locator("main button").click()


def test_text_survives_until_it_is_discarded(open_page: OpenPage, service: Service, shot: Shot) -> None:
    page = open_page("hal")
    expect(page.locator("#draft-note")).to_contain_text("for a day")
    fill(page)
    page.reload()
    expect_filled(page)
    expect(page.locator("#mark-1\\.1")).to_contain_text("get_student_model is defined")
    assert violations(page) == []
    page.locator("select[name=language]").select_option("zh-Hant")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    expect_filled(page)
    shot(page, "draft-restored-chinese")

    page.context.clear_cookies(name="assay_session")
    page.locator("textarea[name=loss]").fill("x = 1\n")
    expect(page.locator("#logged-out")).to_be_visible()
    submit_button = page.locator(".submit-bar button").last
    submit_button.click()
    page.get_by_role("link", name="登入").first.click()
    log_in(page, service, "hal")
    page.wait_for_url(f"{service.url}/")
    expect_filled(page)
    expect(page.locator("textarea[name=loss]")).to_have_value("x = 1\n")
    page.locator("#draft-discard").click()
    expect(page.locator("textarea[name=model]")).to_have_value("")
    page.reload()
    expect(page.locator("#draft-restored")).to_be_hidden()
    assert drafts(page) == 0


def test_a_check_that_the_server_had_no_time_for_is_made_again(open_page: OpenPage) -> None:
    page = open_page("hal")
    said = '<div data-place="overview">Too many forms are being checked now.</div>'
    busy = {"status": 503, "headers": {"Retry-After": "1", "Content-Type": "text/html"}, "body": said}
    page.route("**/check?*", lambda route: route.fulfill(**busy), times=1)
    page.locator("textarea[name=model]").fill(MODEL)
    expect(page.locator("#overview")).to_contain_text("Too many forms")
    expect(page.locator("#mark-1\\.1")).to_contain_text("get_student_model is defined")


def test_nobody_else_sees_the_text_on_the_same_computer(open_page: OpenPage, service: Service) -> None:
    page = open_page("hal")
    fill(page)
    other_tab = page.context.new_page()
    other_tab.goto("/")
    expect_filled(other_tab)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    expect(other_tab.locator("textarea[name=model]")).to_be_hidden()
    other_tab.wait_for_url("**/login")
    assert drafts(page) == 0

    log_in(page, service, "hal")
    page.wait_for_url(f"{service.url}/")
    fill(page)
    page.context.clear_cookies(name="assay_session")  # the login ends without a logout
    page.goto("/login")
    log_in(page, service, "ivy")
    page.wait_for_url(f"{service.url}/")
    expect(page.locator("#draft-note")).to_be_visible()
    expect(page.locator("textarea[name=model]")).to_have_value("")
    assert drafts(page) == 0


def test_a_text_is_gone_after_a_day_and_once_it_is_submitted(open_page: OpenPage) -> None:
    page = open_page("hal")
    fill(page)
    page.reload()
    expect_filled(page)
    page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find(name => name.startsWith("assay-draft:"));
          window.aged = JSON.stringify({...JSON.parse(localStorage.getItem(key)), saved: Date.now() - 86_400_001});
          addEventListener("pagehide", () => localStorage.setItem(key, window.aged));
        }"""
    )
    page.reload()
    expect(page.locator("#draft-note")).to_be_visible()
    expect(page.locator("textarea[name=model]")).to_have_value("")
    page.locator("textarea[name=summary]").fill("Total params: 1")
    submit(page)
    assert drafts(page) == 0


def test_an_answer_whose_result_is_told_later_is_not_kept(open_page: OpenPage) -> None:
    page = open_page("hal")
    page.evaluate("document.querySelector('#task-2\\\\.2 .choices').dataset.private = ''")
    fill(page)
    page.reload()
    expect(page.locator("textarea[name=model]")).to_have_value(MODEL)
    expect(page.locator("input[name='answer-2.2'][value=softer]")).not_to_be_checked()
    page.locator("#draft-discard").click()


def test_only_what_changed_is_pasted_anew(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("ivy")
    page.locator("textarea[name=model]").fill(MODEL)
    page.locator("textarea[name=summary]").fill("Total params: 5")
    page.locator("input[name='answer-2.2'][value=softer]").check()
    submit(page)
    page.locator("#receipt summary").click()
    expect(page.locator("#receipt-text")).to_contain_text(re.compile(r"[0-9a-f]{64}  model\n"))
    assert violations(page) == []
    page.locator("#receipt").get_by_role("link", name="Start the next attempt from this one").click()
    expect(page.locator("#part-model .carried")).to_contain_text("Take from attempt 1: text")
    expect(page.locator("input[name='answer-2.2'][value=softer]")).to_be_checked()
    expect(page.locator("#mark-1\\.2")).to_contain_text("a total of 5 parameters")
    page.locator("#part-summary .carried input").uncheck()
    page.locator("textarea[name=loss]").fill("def loss_fn_kd(): pass")
    expect(page.locator("#source-model")).to_contain_text("From attempt 1")
    expect(page.locator("#mark-1\\.2")).to_contain_text("Nothing yet")
    page.get_by_role("button", name="Edit here: Student model").click()
    model = page.locator("textarea[name=model]")
    expect(model).to_have_value(MODEL)
    expect(model).to_be_focused()
    expect(page.locator("#part-model .carried input")).not_to_be_checked()
    page.keyboard.type("# new\n")
    expect(page.locator("#source-model")).to_contain_text("Pasted text")
    assert violations(page) == []
    shot(page, "start-from-attempt")
    submit(page)
    expect(page.locator("#receipt-text")).to_contain_text("loss: 22 bytes")
    expect(page.locator("#receipt-text")).to_contain_text(f"model: {len(MODEL) + 6} bytes")
    expect(page.locator("#receipt-text")).not_to_contain_text("summary")


def test_dropped_files_ask_before_they_replace_anything(open_page: OpenPage, shot: Shot, tmp_path: Path) -> None:
    (tmp_path / "utils.py").write_text("class Net:\n    pass\n")
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    page = open_page("ivy", viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.locator("textarea[name=loss]").fill("def loss_fn_kd(): pass")
    several = page.locator("#several")
    several.set_input_files([EXAMPLE / "model.py", EXAMPLE / "loss.py", tmp_path / "report.pdf"])
    files = page.locator("#files")
    expect(files).to_contain_text("loss.py 569 B is not used: Distillation loss has text or a file already.")
    expect(files).to_contain_text("PDF files are not read")
    several.set_input_files([tmp_path / "utils.py"])  # the files from before stay
    expect(files).to_contain_text("utils.py 20 B is not used: it defines nothing that is graded.")
    page.get_by_label("What to do with utils.py").select_option("join-model")
    page.get_by_label("What to do with loss.py").select_option("use-loss")
    expect(page.locator("#source-model")).to_contain_text("utils.py + model.py")
    expect(page.locator("#source-loss")).to_contain_text("The pasted text is not used.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    shot(page, "files-phone-dark")
    several.set_input_files([EXAMPLE / "model.py"])
    expect(page.locator("#drop-note")).to_have_text("model.py was chosen before; the newer file replaces it.")
    submit(page)
    expect(page.locator("#receipt-text")).to_contain_text("utils.py + model.py")


def test_from_login_to_report_in_few_keys(open_page: OpenPage, service: Service) -> None:
    page = open_page(at="/login")
    keys = 0

    def press(key: str) -> None:
        nonlocal keys
        keys += 1
        page.keyboard.press(key)

    def reach(selector: str) -> None:
        for _ in range(MOST_KEYS):
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            press("Tab")
        pytest.fail(f"{selector} is not reached with Tab")

    expect(page.locator("input[name=token]")).to_be_focused()
    page.keyboard.insert_text(service.tokens["kim"])
    press("Enter")
    page.wait_for_url(f"{service.url}/")
    reach(".skip[href='#submit']")
    press("Enter")
    # What is graded in a moment: the keys are the same for a right submission.
    texts = {"model": MODEL, "summary": "Total params: 5", "loss": "def loss_fn_kd():\n    pass\n"}
    for name, text in texts.items():
        reach(f"textarea[name={name}]")
        page.keyboard.insert_text(text)
        if name == "loss":
            for number, value in (("2.2", "softer"), ("3.2", "no")):
                reach(f"input[name='answer-{number}']")
                while not page.locator(f"input[name='answer-{number}'][value={value}]").is_checked():
                    press("ArrowUp")
    reach(".submit-bar button")
    press("Enter")
    page.wait_for_url("**/submissions/*")
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    assert keys < MOST_KEYS


@pytest.mark.parametrize("path", ["/?assignment=hw13", "/?assignment=prune-quantize"])
def test_a_page_is_light(service: Service, path: str) -> None:
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {service.tokens['hal']}"}) as client:
        html = client.get(path, headers={"Accept": "text/html"}).text
        parts = [html.encode()]
        addresses = re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', html)
        parts += [client.get(address).content for address in addresses]
    assert len(parts) > 5
    size = sum(len(gzip.compress(part)) for part in parts)
    assert size < MOST_BYTES
