"""The form of every assignment: cards in the order of the questions, what was recognised, and what becomes of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.pages import submission_form
from app.presenting import language
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
    assert "Line 2 uses mystery" in text(places["mark-2.1"])
    assert "Pasted text, 47 B. 2 lines." in text(places["source-loss"])
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
    from app.submissions.placing import Reason

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
