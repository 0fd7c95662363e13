"""Every line that reading names is the student's own, as the page shows it: in a notebook the cell and its line."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from app.pages import source
from grader import messages
from grader.evidence import Observation
from grader.intake import IntakeResult
from grader.parts import PartKind
from grader.verdicts import message_of
from tests.unit.intake.paste import LOSS, notebook, read_text

HERE = "# here"
"""Marks the line that a message must name."""
IMPORTS = "\n\nimport torch\nfrom torch import nn\n\n"
HELPERS = "# cell 7\n# cell 8\ndef unused():\n    return 1\n"
NET = (
    "\ndef block(width):\n    return nn.Linear(width, 11)\n\n\n"
    "def get_student_model():\n    return nn.Sequential(nn.Flatten(), block(12))\n"
)
CELLS: dict[str, tuple[str, str]] = {
    "a name that nothing defines": ("block(12))", "block(12), Missing())  # here"),
    "a setting that decides": (
        "    return nn.Seq",
        "    if cfg['small']:  # here\n        return block(3)\n    return nn.Seq",
    ),
    "a setting that is missing": ("block(12)", "block(cfg['width'] * 2)  # here\n    "),
    "a package that is missing": (
        "\ndef block(width):\n    return nn.Linear",
        "\nfrom timm import Thing  # here\n\ndef block(width):\n    return Thing",
    ),
    "a bracket that is never closed": ("nn.Linear(width, 11)", "nn.Linear(width, 11  # here"),
    "a colon that is missing": ("def block(width):", "def block(width)  # here"),
    "a block without its margin": ("def block(width):\n    return", "def block(width):  # here\nreturn"),
    "a misspelt keyword": ("    return nn.Linear(width, 11)", "    retrun nn.Linear(width, 11)  # here"),
    "a change that cannot run": ("def get_student", "block.extra = torch.load('x.pt')  # here\ndef get_student"),
    "a type that newer Python has": ("def block(width):", "def block[T](width):  # here"),
    "a closing bracket that does not match": ("(width, 11)", "(width, 11]  # here"),
}
"""What replaces what in the cell of the network."""


def without_mark(text: str) -> str:
    return text.replace(f"  {HERE}", "")


def place_of_mark(cells: list[str]) -> tuple[int, int]:
    """The cell and the line of the mark, both from 1."""
    ((cell, line),) = [
        (number, at)
        for number, text in enumerate(cells, start=1)
        for at, line in enumerate(text.split("\n"), start=1)
        if HERE in line
    ]
    return cell, line


def named_places(notes: tuple[Observation, ...]) -> Iterator[tuple[int | None, int]]:
    """The places that notes name, but for skipped imports and statements."""
    for note in notes:
        if note.id in messages.SKIPPED:
            continue
        cell, cells = note.params.get("cell"), note.params.get("cells", [])
        yield from [(cell, note.params["line"])] if "line" in note.params else []
        yield from zip(cells or [None] * 20, note.params.get("lines", []), strict=False)


def shown_lines(text: str) -> dict[tuple[int | None, int], str]:
    """The lines of a part as its page numbers them, by cell and number."""
    page = str(source.to_html(PartKind.CODE, text))
    cell, number, lines = None, 0, {}
    for kind, line in re.findall(r'<span class="(cell|ln)">(.*)\n</span>', page):
        plain = html.unescape(re.sub(r"<[^>]*>", "", line))
        if kind == "cell":
            cell, number = (cell or 0) + 1, 0
            assert plain == f"# cell {cell}"
        else:
            number += 1
            lines[cell, number] = plain
    return lines


def assert_named(result: IntakeResult, shown: str, expected: tuple[int | None, int], line: str) -> None:
    """Everything that names a line names the expected one, and the page shows it there."""
    places = [*named_places(result.notes), *((name.cell, name.line) for name in result.missing_names)]
    places += [(result.error.cell, result.error.line or 0)] if result.error is not None else []
    assert places, result
    assert set(places) == {expected}, (places, result)
    assert shown_lines(shown)[expected].split("  #")[0] == without_mark(line).split("  #")[0]
    words = {
        "en": f"cell {expected[0]}, line {expected[1]}",
        "zh-Hant": f"第 {expected[0]} 個儲存格第 {expected[1]} 行",
    }
    if expected[0] is None:
        words = {"en": f"line {expected[1]}", "zh-Hant": f"第 {expected[1]} 行"}
    for note in result.notes:
        if "line" in note.params and note.id not in messages.SKIPPED:
            for language, place in words.items():
                assert place in messages.render(message_of(note), language)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("above", [0, 3])
def test_notebook_names_the_cell_and_the_line_in_it(name: str, above: int) -> None:
    cells = [IMPORTS, HELPERS, "\n" * above + NET.replace(*CELLS[name]), "", LOSS, "x = 1\n"]
    expected = place_of_mark(cells)
    line = cells[expected[0] - 1].split("\n")[expected[1] - 1]
    book = notebook(*map(without_mark, cells))
    assert_named(read_text(book), book, expected, line)


@pytest.mark.parametrize("name", CELLS)
def test_text_names_the_line_of_what_was_submitted(name: str) -> None:
    text = "".join([IMPORTS, HELPERS, NET.replace(*CELLS[name]), LOSS])
    _, line = place_of_mark([text])
    assert_named(read_text(without_mark(text)), without_mark(text), (None, line), text.split("\n")[line - 1])


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("```python\n", 3), (">>> ", 2), ("\ufeff", 2), ("\n\n\n", 5), ("# -*- coding: big5 -*-\r\n", 3),
        ("Q1. Model\n\n", 4),
        ("import torch, \\\n    pandas\n", 4), ("import pandas; x = [\n1]\n", 4), ("\x0c\n\x0c\n", 4),
    ],
)  # fmt: skip
def test_cleaning_moves_no_line(before: str, line: int) -> None:
    end = "\n```\n" if before.startswith("```") else "\n"
    prompt = "... " if before.startswith(">>>") else ""
    result = read_text(f"{before}def get_student_model():\n{prompt}    return missing(){end}")
    assert [tuple(name) for name in result.missing_names] == [("missing", line, None)]
    assert result.source is not None
    assert result.source.split("\n")[line - 1].strip() == "return missing()"


def test_line_that_the_student_did_not_write_is_not_named() -> None:
    result = read_text("class StudentNet(nn.Module):\n    def forward(self, x):\n        return x\n")
    assert result.source is not None
    assert result.source.rstrip().endswith("get_student_model = StudentNet")
    assert result.line_map.place(result.source.rstrip().count("\n") + 1) is None


def test_lost_entry_point_of_a_notebook_is_named_by_its_cell() -> None:
    result = read_text(notebook("x = 1", "\n'''\ndef get_student_model():\n    return x\n'''"))
    (note,) = (note for note in result.notes if note.id == "intake.entry_lost")
    assert note.params == {"entry": "get_student_model", "line": 3, "cell": 2}


def test_lost_entry_point_in_a_text_cell_has_no_line() -> None:
    book = notebook("x = 1").replace("HW13", "def get_student_model():")
    (note,) = (note for note in read_text(book).notes if note.id == "intake.entry_lost")
    assert note.params == {"entry": "get_student_model"}
    assert "line" not in messages.render(message_of(note))


def test_places_of_the_conservative_selection_are_those_of_the_notebook() -> None:
    logging = "import logging\nlogger = logging.getLogger()\nlogger.addFilter(logging.Filter())\n"
    result = read_text(notebook("x = 1", logging, "def get_student_model():\n    return logger\n"))
    assert result.conservative is not None
    (note,) = (note for note in result.conservative.notes if note.id == "intake.change_dropped")
    assert list(named_places((note,))) == [(2, 3)]


def test_skipped_statements_are_listed_by_cell() -> None:
    book = notebook(NET, "\nprint(1)\nprint(2)\n", "import torch\nprint(3)\n")
    (note,) = (note for note in read_text(book).notes if note.id == "intake.dropped")
    assert note.params == {"count": 3, "lines": [2, 3, 2], "cells": [2, 2, 3]}
    assert "3 statements were skipped" in messages.render(message_of(note))
    assert "cell 2, lines 2, 3; cell 3, line 2" in messages.render(message_of(note))
    assert "第 2 個儲存格第 2、3 行；第 3 個儲存格第 2 行" in messages.render(message_of(note), "zh-Hant")
