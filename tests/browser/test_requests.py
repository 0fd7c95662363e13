"""What students and staff say to each other about points, and whose texts are alike."""

from __future__ import annotations

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, Shot

pytestmark = pytest.mark.browser


HELPER = """
def drift(values):
    total = 0
    for index, value in enumerate(values):
        total += value ** 3 - index * 5 % 7
        if total > 11 or not index:
            total //= 2
    return [total, len(values), sum(values) / 3, max(values) - min(values)]
"""
"""What nobody else wrote: others who use the same service submit the example too."""


@pytest.fixture(scope="module")
def graded(service: Service) -> dict[str, str]:
    """Two students whose loss is the same but for its names, by login the submission."""
    loss = (EXAMPLE / "loss.py").read_text() + HELPER
    renamed = loss.replace("student_logits", "mine").replace("teacher_logits", "theirs") + "# all my own <script>\n"
    made = {}
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=120) as client:
        # The second one's is right in 2.2 too, so that it counts beside what else jim submits.
        for login, text, answer in (("ivy", loss, "harder"), ("jim", renamed, "softer")):
            headers = {"Authorization": f"Bearer {service.tokens[login]}"}
            form = {"assignment": "hw13", "loss": text, "answers": json.dumps({"2.2": answer})}
            parts = {name: (None, value) for name, value in form.items()}
            made[login] = client.post("/submissions", files=parts, headers=headers).json()["id"]
            state = client.get(f"/submissions/{made[login]}?wait=60", headers=headers).json()["state"]
            assert state == "graded"
    return made


def test_a_student_asks_a_ta_answers_and_both_read_it(open_page: OpenPage, shot: Shot, graded: dict[str, str]) -> None:
    student = open_page("ivy", at=f"/submissions/{graded['ivy']}")
    question = student.locator("section[aria-labelledby='q-2.2']")
    question.get_by_text("Request a regrade of this question").click()
    question.locator("textarea").fill("Harder is what the <b>slides</b> say.\nPage 12.")
    question.get_by_role("button", name="Send the request").click()
    expect(question).to_contain_text("Harder is what the <b>slides</b> say.")
    expect(question).to_contain_text("Waiting for an answer")
    assert violations(student) == []
    shot(student, "request-open")

    page = open_page("teo", at="/dashboard/hw13")
    page.get_by_role("link", name="Regrade requests 1").click()
    card = page.locator("section", has_text="ivy")
    expect(card).to_contain_text("Page 12.")
    assert violations(page) == []
    shot(page, "requests")
    card.get_by_role("link", name="Open plot").click()
    expect(page.locator(".thread")).to_contain_text("Page 12.")
    page.locator(".thread input[name=score]").fill("0.25")
    page.locator(".thread input[name=answer]").fill("The slides are unclear; half of the points.")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("main")).to_contain_text("No request is waiting")
    expect(page.locator("tbody tr", has_text="ivy")).to_contain_text("half of the points")

    student.reload()
    expect(question).to_contain_text("0 points became 0.25")
    expect(question.locator(".points")).to_have_text("0.25 / 0.5")
    student.goto("/")
    expect(student.locator("table", has_text="points changed")).to_contain_text("half of the points")
    assert violations(student) == []


@pytest.mark.thorough
def test_texts_that_are_alike_stand_side_by_side(
    open_page: OpenPage, shot: Shot, graded: dict[str, str], service: Service
) -> None:
    page = open_page("teo", at=service.staff_page("ivy", graded["ivy"]))
    row = page.locator("tr", has_text="jim")
    expect(row).to_contain_text("100.0%")
    assert violations(page) == []
    row.get_by_role("link", name="Side by side").click()
    expect(page.locator(".marked").first).to_be_visible()
    expect(page.locator("pre").last).to_contain_text("all my own <script>")
    left, right = (page.locator(f"#side-{side}").bounding_box() for side in (1, 2))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert violations(page) == []
    shot(page, "side-by-side")
    page.get_by_role("link", name="← Similarity").click()
    expect(page.locator("table")).to_contain_text("jim")
    assert violations(page) == []


def test_a_service_that_does_not_answer_is_told(open_page: OpenPage) -> None:
    page = open_page("ivy")
    page.route("**/check?*", lambda route: route.abort())
    page.locator("textarea[name=summary]").fill("Total params: 1")
    expect(page.locator("#unreachable")).to_be_visible()
    page.unroute("**/check?*")
    page.locator("textarea[name=summary]").fill("Total params: 2")
    expect(page.locator("#unreachable")).to_be_hidden()
