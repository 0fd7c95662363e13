"""Pages that renew themselves replace what changed and leave alone what the reader does on them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr
from sqlalchemy import select, update

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.regrades.models import Kind, Regrade, RegradeState
from app.scores.models import StoredScore
from app.settings import Settings
from app.submissions import repository
from app.submissions.models import Run, State, Submission
from app.users import service as users
from grader.scoring import Verdict
from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import EXAMPLE, Shot

pytestmark = pytest.mark.browser
WRONG_LOSS = """def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    p = F.softmax(student_logits / temperature, dim=-1)
    q = F.softmax(teacher_logits / temperature, dim=-1)
    soft = nn.KLDivLoss(reduction="batchmean")(p, q)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
"""Earns partial credit, and no review."""

WATCH = """() => {
  window.changed = [];
  new MutationObserver((records) => window.changed.push(...records.map((record) => {
    const place = record.target.nodeType === Node.TEXT_NODE ? record.target.parentElement : record.target;
    return `${record.type} in ${place.closest("[id], .total")?.id || place.className || place.tagName}`;
  }))).observe(
    document.querySelector("#report"), {subtree: true, childList: true, characterData: true, attributes: true});
}"""
"""Notes every change inside the report from now on."""


@dataclass
class Grading:
    """A graded submission that is set back to the moment when its curve is measured, and goes on step by step."""

    database: Database
    submission: uuid.UUID

    def step(self, done: int) -> None:
        """The worker has measured so many points of the curve."""
        self._write(State.RUNNING, done)

    def grow(self, ratios: Sequence[float]) -> None:
        """The curve has points at these ratios."""
        curve = [
            {"ratio": ratio, "accuracy": 0.8 - 0.7 * ratio, "low": 0.7 - 0.7 * ratio, "high": 0.9 - 0.7 * ratio}
            for ratio in ratios
        ]
        interim = {"3.1": {"curve": curve, "weights": "distilled", "to_come": 20 - len(ratios)}}
        self._write(State.RUNNING, len(ratios), interim)

    def end(self) -> None:
        """The grading has ended."""
        self._write(State.GRADED, 20)

    def land(self, question: str, verdict: Verdict) -> None:
        """A question has a verdict."""
        with self.database.write() as session:
            of_question = (StoredScore.submission_id == self.submission, StoredScore.question == question)
            session.execute(update(StoredScore).where(*of_question).values(verdict=verdict))
            repository.touch(session, self.submission)

    def touch(self) -> None:
        """Something happened of which nothing is to be seen."""
        with self.database.write() as session:
            repository.touch(session, self.submission)

    def _write(self, state: State, done: int, interim: dict[str, Any] | None = None) -> None:
        # Begun just now: a worker takes no lost job to be behind it.
        values = {
            "stage": "curve",
            "stage_done": done,
            "stage_total": 20,
            "started_at": now(),
            "interim": interim or {},
        }
        with self.database.write() as session:
            session.execute(update(Submission).where(Submission.id == self.submission).values(state=state))
            session.execute(update(Run).where(Run.submission_id == self.submission).values(values))
            repository.touch(session, self.submission)


@pytest.fixture(scope="module")
def database(service: Service) -> Iterator[Database]:
    folder = Path(service.environment["ASSAY_DATA_DIR"])
    opened = Database(Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def submission(service: Service) -> str:
    """A wrong loss, two answers and a summary, graded."""
    headers = {"Authorization": f"Bearer {service.tokens['kim']}"}
    form = {"assignment": "hw13", "loss": WRONG_LOSS, "answers": '{"2.2": "harder"}'}
    parts: dict[str, Any] = {name: (None, value) for name, value in form.items()}
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=120, headers=headers) as client:
        identifier: str = client.post("/submissions", files=parts).json()["id"]
        assert client.get(f"/submissions/{identifier}?wait=60").json()["state"] == "graded"
    return identifier


@pytest.fixture
def grading(database: Database, submission: str) -> Iterator[Grading]:
    grading = Grading(database, uuid.UUID(submission))
    grading.step(1)
    yield grading
    grading.end()


def expect_step(page: Page, done: int) -> None:
    expect(page.locator("main")).to_contain_text(f"Measuring the pruning curve, {done} of 20.")


def changes(page: Page) -> set[str]:
    noted: list[str] = page.evaluate("() => window.changed.splice(0)")
    return set(noted)


def test_a_ta_reads_and_types_while_the_curve_is_measured(
    open_page: OpenPage, shot: Shot, grading: Grading, service: Service
) -> None:
    at = service.staff_page("kim", grading.submission)
    page = open_page("teo", viewport={"width": 1000, "height": 500}, at=at)
    expect_step(page, 1)
    question = page.locator("section[aria-labelledby='q-2.1']")
    evidence, points = question.locator("details", has_text="Evidence"), question.locator("details form").first
    evidence.locator("summary").click()
    evidence.locator("pre").evaluate("pre => { pre.scrollTop = 40; }")
    terms = question.locator("details", has_text="The loss, term by term")
    terms.locator("summary").click()
    question.get_by_text("Set points by hand").click()
    points.locator("input[name=score]").fill("0.4")
    reason = points.locator("input[name=reason]")
    reason.fill("The soft term is right after all.")
    reason.evaluate("field => field.setSelectionRange(4, 13, 'backward')")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0
    page.evaluate(WATCH)

    for done in range(2, 12):
        grading.step(done)
        expect_step(page, done)
    expect(evidence).to_have_attribute("open", "")
    assert evidence.locator("pre").evaluate("pre => pre.scrollTop") == 40
    expect(terms).to_have_attribute("open", "")
    expect(points.locator("input[name=score]")).to_have_value("0.4")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("The soft term is right after all.")
    assert reason.evaluate("field => [field.selectionStart, field.selectionEnd]") == [4, 13]
    assert page.evaluate("scrollY") == scrolled
    assert changes(page) == {"characterData in status", "attributes in grading"}
    page.keyboard.type("very idea")
    grading.step(12)
    expect_step(page, 12)
    expect(reason).to_have_value("The very idea is right after all.")
    shot(page, "live-typing")


@pytest.mark.thorough
def test_an_update_without_news_touches_nothing(open_page: OpenPage, grading: Grading) -> None:
    page = open_page("kim", at=f"/submissions/{grading.submission}")
    expect_step(page, 1)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.total time'))")
    selected = page.evaluate("getSelection().toString()")
    assert selected
    page.evaluate(WATCH)
    for _ in range(2):
        with page.expect_response("**/report"):
            grading.touch()
    grading.step(2)
    expect_step(page, 2)
    assert changes(page) == {"characterData in status", "attributes in grading"}
    assert page.evaluate("getSelection().toString()") == selected


def test_only_what_is_new_is_read_out(open_page: OpenPage, shot: Shot, grading: Grading) -> None:
    grading.land("2.1", Verdict.PENDING)
    page = open_page("kim", at=f"/submissions/{grading.submission}")
    expect_step(page, 1)
    link = page.locator("a[href$='/files/loss']")
    link.focus()
    page.evaluate(WATCH)
    region = page.locator("#report :is([aria-live], [role=status], [role=alert])")
    expect(region).to_have_count(1)
    said = """region => {
      window.said = [];
      new MutationObserver(() => window.said.push(region.textContent)).observe(
        region, {subtree: true, childList: true, characterData: true});
    }"""
    region.evaluate(said)
    grading.land("2.1", Verdict.PARTIAL)
    expect(page.locator("section[aria-labelledby='q-2.1'] .verdict")).to_contain_text("partial credit")
    grading.step(2)
    expect_step(page, 2)
    assert page.evaluate("window.said") == ["Measuring the pruning curve, 2 of 20."]
    assert changes(page) >= {"characterData in status"}
    expect(link).to_be_focused()
    assert violations(page) == []
    shot(page, "live-report")


def test_a_curve_grows_on_the_report_and_nothing_else_moves(open_page: OpenPage, shot: Shot, grading: Grading) -> None:
    page = open_page("kim", viewport={"width": 390, "height": 800}, at=f"/submissions/{grading.submission}")
    grading.grow([0.0, 0.95])
    question = page.locator("section[aria-labelledby='q-3.1']")
    expect(question.locator("svg.chart circle")).to_have_count(2)
    expect(question.locator("figcaption")).to_contain_text("points so far 2, still to come 18 at most")
    below = page.locator("#q-3\\.2").evaluate("heading => heading.getBoundingClientRect().top + scrollY")
    grading.grow([0.0, 0.2, 0.45, 0.7, 0.95])
    expect(question.locator("svg.chart circle")).to_have_count(5)
    expect_step(page, 5)
    assert page.locator("#q-3\\.2").evaluate("heading => heading.getBoundingClientRect().top + scrollY") == below
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "live-curve-phone")


def test_the_focus_does_not_fall_to_the_page_when_its_button_goes(open_page: OpenPage, grading: Grading) -> None:
    page = open_page("kim", at=f"/submissions/{grading.submission}")
    stop = page.locator("#stop-grading")
    stop.locator("summary").click()
    stop.get_by_role("button", name="Stop now").focus()
    grading.step(2)
    expect_step(page, 2)
    expect(stop.get_by_role("button", name="Stop now")).to_be_focused()
    grading.end()
    expect(page.locator(".total")).to_contain_text("· Graded")
    assert page.evaluate("document.activeElement.contains(document.querySelector('#report'))")
    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.thorough
def test_two_who_grade_the_same_question_while_it_goes_on(
    open_page: OpenPage, shot: Shot, grading: Grading, service: Service
) -> None:
    first = open_page("teo")
    second = open_page("mia", viewport={"width": 390, "height": 800}, locale="zh-TW")
    pages = [(first, "0.4", "The soft term is nearly right."), (second, "0.1", "What <b>else</b>?")]
    for page, points, reason in pages:
        page.goto(service.staff_page("kim", grading.submission))
        question = page.locator("section[aria-labelledby='q-2.1']")
        question.locator("#override-2\\.1 summary").click()
        question.locator("input[name=score]").fill(points)
        question.locator("input[name=reason]").fill(reason)
    first.locator("section[aria-labelledby='q-2.1'] form.override button").first.click()
    expect(first.locator("section[aria-labelledby='q-2.1'] .points")).to_have_text("0.4 / 0.5")

    question = second.locator("section[aria-labelledby='q-2.1']")
    expect(question.locator(".points")).to_have_text("0.4 / 0.5")  # renewed, but for the form in use
    save = question.locator("form.override button").first
    save.click()
    conflict = question.locator(".conflict")
    expect(conflict).to_contain_text("teo")
    expect(conflict).to_contain_text("What <b>else</b>?")
    second.locator("[role=alert] a").click()
    expect(conflict).to_be_in_viewport()
    assert second.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(second) == []
    shot(second, "two-graders-phone-chinese")
    grading.step(2)
    expect(second.locator("#grading")).to_contain_text("2")
    expect(conflict).to_be_visible()
    expect(question.locator("input[name=score]")).to_have_value("0.1")
    save.click()
    expect(question.locator(".points")).to_have_text("0.1 / 0.5")
    first.reload()
    expect(first.locator("section[aria-labelledby='q-2.1']")).to_contain_text("mia set these points by hand")


@pytest.mark.thorough
def test_two_who_review_the_same_question(open_page: OpenPage, shot: Shot, grading: Grading) -> None:
    grading.end()
    first, second = open_page("teo"), open_page("mia")
    path = f"/dashboard/hw13/review?submission={grading.submission}&question=2.2"
    for page in (first, second):
        page.goto(path)
    with first.expect_navigation():
        first.keyboard.press("4")
    second.locator("#reason").fill("Not what was asked.")
    second.locator("h1").click()
    with second.expect_navigation():
        second.keyboard.press("1")
    expect(second.get_by_role("alert")).to_contain_text("teo")
    expect(second.get_by_role("alert")).to_contain_text("Question 2.2 changed while you were deciding.")
    assert violations(second) == []
    shot(second, "two-graders-review")
    second.locator("h1").click()
    with second.expect_navigation():
        second.keyboard.press("1")
    undo = first.get_by_role("button", name="Undo 2.2")
    with first.expect_navigation():
        undo.click()
    expect(first.get_by_role("alert")).to_contain_text("mia")
    expect(first.get_by_role("alert")).to_contain_text("to undo your decision")
    shot(first, "two-graders-undo")


def test_the_progress_of_a_regrade_leaves_the_focus_alone(open_page: OpenPage, database: Database) -> None:
    with database.write() as session:
        regrade = Regrade(
            slug="hw13",
            target_id=assignments.current(session, "hw13").id,
            kind=Kind.RESCORE,
            condition={},
            questions=[],
            grader_version="1",
            total=10,
            created_by_id=users.find(session, "mia").id,
        )
        session.add(regrade)
    page = open_page("mia", at=f"/admin/regrades/{regrade.id}")
    cancel = page.locator("#cancel summary")
    cancel.focus()

    def change(**values: object) -> None:
        with database.write() as session:
            session.execute(update(Regrade).where(Regrade.id == regrade.id).values(values))

    try:
        change(total=11)
        expect(page.locator("main")).to_contain_text("0 of 11")
        expect(cancel).to_be_focused()
        change(state=RegradeState.PREVIEW)
        expect(page.get_by_text("Publish these changes")).to_be_visible()
        expect(cancel).to_be_focused()
        with database.read() as session:
            assert session.scalar(select(Regrade.state).where(Regrade.id == regrade.id)) is RegradeState.PREVIEW
    finally:
        change(state=RegradeState.CANCELLED)


def test_a_preview_keeps_what_the_reader_opened(open_page: OpenPage) -> None:
    page = open_page("kim")
    model = page.locator("textarea[name=model]")
    model.fill("!pip install torch\n" + (EXAMPLE / "model.py").read_text())
    dropped = page.locator("#dropped-model")
    dropped.locator("summary").click()
    model.press("End")
    model.press_sequentially("\n# nothing more")
    page.locator("textarea[name=summary]").fill("Total params: 1")
    expect(page.locator("#mark-1\\.2")).to_contain_text("a total of 1 parameters")
    expect(dropped).to_have_attribute("open", "")
