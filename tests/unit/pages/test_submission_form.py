"""The form of every assignment: cards in the order of the questions, what was recognised, and what becomes of files."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.base import now
from app.http.authentication import optional_viewer
from app.pages import submission_form
from app.presenting import language
from app.submissions import repository
from app.submissions.placing import Reason
from app.users import service as users
from app.users.models import Role
from grader import assignment
from tests.integration.other_parts import write_assignment
from tests.unit.pages.conftest import Course

EXAMPLES = Path(__file__).parents[3] / "examples"
Files = Sequence[tuple[str, tuple[str | None, bytes]]]


def cards(homework: assignment.Assignment) -> list[tuple[str | None, list[str], list[str]]]:
    """Each card: the number of its question, the parts with a field in it, and the parts that it refers to."""
    return [
        (
            card.task.number if card.task else None,
            [part.name for part in card.parts],
            list(card.task.part_titles) if card.task else list(card.parts[0].questions),
        )
        for card in submission_form.build(homework, "en").cards
    ]


def test_a_part_stands_in_the_card_of_its_question() -> None:
    assert cards(assignment.bundled("hw13")) == [
        ("1.1", ["model"], []),
        ("1.2", ["summary"], []),
        ("2.1", ["loss"], []),
        ("2.2", [], []),
        ("3.1", ["pruning_plot", "pruning_points", "weights"], []),
        ("3.2", [], []),
    ]


def test_a_part_of_several_questions_stands_once_before_the_first() -> None:
    functions = ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5"]
    assert cards(assignment.bundled("prune-quantize")) == [
        (None, ["code"], functions),
        *((number, [], ["code"]) for number in functions),
        *((number, [], []) for number in ("3.1", "3.2", "3.3", "3.4")),
    ]


def test_a_part_that_no_question_uses_stands_at_the_end(tmp_path: Path) -> None:
    homework = assignment.load(write_assignment(tmp_path))
    extra = homework.parts[0].model_copy(update={"name": "extra"})
    shown = cards(homework.model_copy(update={"parts": (extra, *homework.parts)}))
    assert shown[0] == ("1", ["network"], [])
    assert shown[-1] == (None, ["extra"], [])


def check(course: Course, slug: str, files: Files, whole_page: bool = False) -> str:
    """What a check of a form answers: what changes on its page, or the whole page without script."""
    headers = {"Accept": "text/html"} | ({} if whole_page else {"HX-Request": "true"})
    answer = course.send("POST", f"/check?assignment={slug}", headers=headers, files=list(files))
    assert answer.status_code == 200, answer.text
    return answer.text


def text(html: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def field(name: str, value: str) -> tuple[str, tuple[None, bytes]]:
    return name, (None, value.encode())


@pytest.mark.parametrize("whole_page", [False, True])
def test_each_card_shows_what_was_recognised_for_it(course: Course, whole_page: bool) -> None:
    folder = EXAMPLES / "hw13"
    files: Files = [
        *(("files", (name, (folder / name).read_bytes())) for name in ("model.py", "summary.txt", "answers.json")),
        field("loss", "def loss_fn_kd(a, b, c):\r\n    return mystery(a)\r\n"),
        ("weights-file", ("", b"")),
    ]
    page = check(course, "hw13", files, whole_page)
    places = dict(re.findall(r'(?:data-place|id)="((?:mark|source)-[\w.]+)"[^>]*>(.*?)</div>\n', page, re.DOTALL))
    assert "get_student_model is defined" in text(places["mark-1.1"])
    assert "96,587" in text(places["mark-1.2"])
    assert "mystery (line 2) is not defined" in text(places["mark-2.1"])
    assert "Pasted text, 47 B. Lines: 2." in text(places["source-loss"])
    assert "softer" in text(places["mark-2.2"])
    assert "Nothing yet." in text(places["mark-3.1"])
    assert "4 of 6 questions recognised. Look again at: 2.1. Not answered yet: 3.1." in text(page)


def test_an_unused_file_is_named_with_its_reason_in_both_languages(course: Course) -> None:
    files: Files = [
        ("files", ("<b>.pdf", b"%PDF")),
        ("files", ("model.py", b"def get_student_model(): pass")),
        ("files", ("utils.py", b"x = 1")),
        field("loss", "def loss_fn_kd(): pass"),
        ("loss-file", ("loss.py", b"def loss_fn_kd(): return 1")),
    ]
    page = check(course, "hw13", files)
    assert "&lt;b&gt;.pdf</strong>" in page
    assert "PDF files are not read" in page
    assert 'value="join-loss"' in page
    assert "The pasted text is not used." in text(page)


def test_every_reason_has_words() -> None:
    for tag in language.LANGUAGES:
        for reason in Reason:
            assert language.texts(tag)[f"file_{reason}"]


def test_choices_of_the_page_come_before_those_of_a_file(course: Course) -> None:
    files: Files = [
        ("files", ("answers.json", b'{"2.2": "harder", "3.2": "no"}')),
        field("answer-2.2", "softer"),
        field("answer-3.2", ""),
    ]
    page = text(check(course, "hw13", files))
    assert "not those in the file: 2.2." in page
    assert "gives a softer" in page
    assert "No: the tutorial" in page


class NoGrading:
    """A queue that nothing leaves."""

    def enqueue(self, *_: object) -> None:
        """The submission stays queued."""


@pytest.fixture
def submitting(course: Course) -> Course:
    """A course whose form can be submitted."""
    course.app.state.jobs = NoGrading()
    return course


def submit(course: Course, files: Files) -> dict[str, tuple[str | None, bytes]]:
    """The file name and the bytes of each part that is stored."""
    answer = course.send("POST", "/?assignment=hw13", files=list(files))
    assert answer.status_code == 303, text(answer.text)
    with course.database.read() as session:
        stored = repository.part_files(session, uuid.UUID(answer.headers["location"].rpartition("/")[2]))
    return {name: (filename, data) for name, filename, data in stored}


MODEL = b"def get_student_model():\n    return None\n"
FIRST: Files = [
    ("model-file", ("net.py", MODEL)),
    field("summary", "Total params: 5"),
    field("answer-2.2", "softer"),
    field("answer-3.2", "yes"),
]


def test_a_form_that_starts_from_an_attempt_carries_what_is_ticked(submitting: Course) -> None:
    submit(submitting, FIRST)
    page = submitting.get("/?assignment=hw13&from=1").text
    for shown in (
        '<input type="hidden" name="from" value="1">',
        '<input type="checkbox" name="carry-model" value="1" checked>',
        '<input type="checkbox" name="carry-summary" value="1" checked>',
        'value="softer" checked',
        'value="yes" checked',
    ):
        assert shown in page
    assert 'name="carry-loss"' not in page
    assert 'name="carry-' not in submitting.get("/?assignment=hw13").text

    again: Files = [field("from", "1"), field("carry-model", "1"), field("model", ""), field("loss", "x = 1")]
    places = text(check(submitting, "hw13", again))
    assert "From attempt 1: net.py" in places
    assert submit(submitting, [*again, field("answer-2.2", "harder")]) == {
        "model": ("net.py", MODEL),
        "loss": (None, b"x = 1"),
        "answers": (None, b'{"2.2": "harder"}'),
    }
    newer: Files = [field("from", "1"), field("carry-model", "1"), field("carry-summary", "1"), field("model", "y = 1")]
    assert "It replaces the part of the earlier attempt." in text(check(submitting, "hw13", newer))
    assert submit(submitting, newer) == {"model": (None, b"y = 1"), "summary": (None, b"Total params: 5")}


def test_a_carried_text_is_edited_in_its_field(submitting: Course) -> None:
    code = MODEL + "# 模型 <b>\n".encode()
    submit(
        submitting,
        [("model-file", ("net.py", code)), field("summary", "5"), ("loss-file", ("loss.py", b"PK\x03\x04\x80\xff"))],
    )
    carried = submitting.get("/?assignment=hw13&from=1").text
    assert 'href="/?assignment=hw13&amp;from=1&amp;edit=model#part-model"' in carried
    assert carried.count("data-edits=") == 3
    page = submitting.get("/?assignment=hw13&from=1&edit=model").text
    assert "\ndef get_student_model():\n    return None\n# 模型 &lt;b&gt;\n</textarea>" in page
    assert '<input type="checkbox" name="carry-model" value="1">' in page
    assert '<input type="checkbox" name="carry-summary" value="1" checked>' in page
    for other in ("loss", "weights", "answers", "nothing"):
        answer = submitting.get(f"/?assignment=hw13&from=1&edit={other}")
        assert (answer.status_code, "no text that can be edited" in text(answer.text)) == (422, True), other
    assert submitting.get("/?assignment=hw13&from=2&edit=model").status_code == 404


def test_nobody_starts_from_an_attempt_of_somebody_else(submitting: Course) -> None:
    submit(submitting, FIRST)
    with submitting.database.write() as session:
        bob = Viewer.of(users.create_user(session, login="bob", name="Bob", role=Role.STUDENT, actor="test"))
    submitting.app.dependency_overrides[optional_viewer] = lambda: bob
    assert submitting.get("/?assignment=hw13&from=1").status_code == 404
    fields: Files = [field("from", "1"), field("carry-model", "1"), field("loss", "x = 1")]
    answer = submitting.send("POST", "/?assignment=hw13", files=list(fields))
    assert answer.status_code == 404
    assert "net.py" not in answer.text
    assert "get_student_model is defined" not in check_any(submitting, fields)


def check_any(course: Course, files: Files) -> str:
    return course.send("POST", "/check?assignment=hw13", files=list(files)).text


def test_a_file_that_would_not_be_used_is_named_before_anything_is_stored(submitting: Course) -> None:
    files: Files = [("files", ("model.py", MODEL)), ("files", ("report.pdf", b"%PDF"))]
    answer = submitting.send("POST", "/?assignment=hw13", files=list(files))
    assert answer.status_code == 422
    assert "These files have no part: report.pdf." in text(answer.text)
    assert 'name="place-report.pdf"' in answer.text
    assert submit(submitting, [*files, field("place-report.pdf", "")]) == {"model": ("model.py", MODEL)}
    joined: Files = [("files", ("model.py", MODEL)), ("files", ("utils.py", b"x = 1\n"))]
    stored = submit(submitting, [*joined, field("place-utils.py", "join-model")])
    assert stored["model"][0] == "utils.py + model.py"
    assert MODEL in stored["model"][1]


def test_a_form_that_is_sent_twice_is_one_attempt(submitting: Course) -> None:
    def send(*files: tuple[str, tuple[str | None, bytes]]) -> str:
        answer = submitting.send("POST", "/?assignment=hw13", files=list(files))
        assert answer.status_code == 303
        return answer.headers["location"]

    def page_name() -> tuple[str, tuple[str | None, bytes]]:
        name = re.search(r'name="once" value="([\w-]+)"', submitting.get("/?assignment=hw13").text)
        assert name is not None
        return field("once", name[1])

    page, other = page_name(), page_name()
    first = send(*FIRST, page)
    assert send(*FIRST, page) == first
    changed = send(*FIRST, page, field("loss", "def loss_fn_kd(): ..."))
    again = send(*FIRST, other)
    unnamed = [send(*FIRST), send(*FIRST), send(*FIRST, field("once", "a\N{SNOWMAN}" * 9))]
    assert len({first, changed, again, *unnamed}) == 6


@pytest.mark.parametrize(
    ("days", "grace", "rule", "words"),
    [
        (1, 0, "", "You are on time. The deadline is"),
        (-1, 2 * 24 * 60, "", "The deadline has passed, but nothing is deducted until"),
        (
            -1.5,
            0,
            "percent_per_day = 10\nmost_days = 3",
            "late, on day 2 after the deadline: 20% of the points",
        ),
        (-0.5, 0, "percent_per_day = 0\nmost_days = 3", "on day 1 after the deadline. No points would be deducted."),
        (None, 0, "", "There is no deadline."),
    ],
)
def test_the_form_says_how_late_it_is(course: Course, days: float | None, grace: int, rule: str, words: str) -> None:
    files = dict(assignment.bundled("hw13").files)
    schedule = f"deadline = {(now() + timedelta(days=days)).isoformat()}\ngrace_minutes = {grace}\n" if days else ""
    late = f"[schedule.late]\n{rule}\n" if rule else ""
    toml = files["assignment.toml"].replace("version = 1\n", "version = 2\n")
    toml = toml.replace("[schedule]", f"[schedule]\n{schedule}").replace("[sandbox]", f"{late}[sandbox]")
    with course.database.write() as session:
        assignments.publish_version(session, assignment.from_files(files | {"assignment.toml": toml}), "test")
    assert words in text(course.get("/?assignment=hw13").text)
    assert words in text(check(course, "hw13", [field("summary", "Total params: 5")]))


def test_the_form_says_which_attempt_would_count(submitting: Course) -> None:
    assert "It would be your first attempt, so it would count." in text(submitting.get("/?assignment=hw13").text)
    submit(submitting, FIRST)
    page = text(submitting.get("/?assignment=hw13").text)
    assert "This would be attempt 2. You have 19 of 20 attempts left" in page
    assert "this one if it earns at least the points of attempt 1" in page


def test_the_receipt_has_digests_that_anybody_can_repeat(submitting: Course) -> None:
    answer = submitting.send("POST", "/?assignment=hw13", files=list(FIRST))
    page = submitting.get(answer.headers["location"]).text
    parts = {"answers": b'{"2.2": "softer", "3.2": "yes"}', "model": MODEL, "summary": b"Total params: 5"}
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in parts.items())
    shown = [line for line in page.splitlines() if re.fullmatch(r"[0-9a-f]{64}  \w+", line)]
    assert sorted(shown) == sorted(lines.splitlines())
    in_order = "".join(f"{line}\n" for line in shown)
    assert f"Digest of the submission: {hashlib.sha256(in_order.encode()).hexdigest()}" in page
    assert f"model: {len(MODEL)} bytes, net.py" in page
    assert 'href="/?assignment=hw13&amp;from=1#submit"' in page
