"""Readers of submitted text, each with a text of the largest size that once took minutes, hours or for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from grader import intake, messages
from grader.assignment import bundled
from grader.checks.choice import measure as choice
from grader.checks.summary import measure as summary
from grader.intake import damage, encoding, indentation, notebook, underscores
from grader.measure import network
from grader.submission import Part
from grader.verdicts import message_of
from tests import slices

_SUMMARY, _CHOICE = (
    next(question for question in bundled("hw13").questions if question.check == check)
    for check in ("summary", "choice")
)
_ENTRY = "def get_student_model():\n    return {}\n"


def _code(text: str) -> object:
    return intake.read_part(Part(text.encode()), "get_student_model", frozenset(), "apply")


def _notebook(source: str) -> object:
    return _code(json.dumps({"cells": [{"cell_type": "code", "source": source}]}))


def _summary(text: str) -> object:
    return summary.measure(text.encode(), None, _SUMMARY)


def _answer(text: str) -> object:
    return choice.choose(text, _CHOICE)


def _lines(template: str, count: int) -> str:
    return "".join(template.format(number) for number in range(count))


_MARKS = "a" + "\u0301\u0323" * 250_000
"""Marks on one letter, in the order that takes longest to sort."""
_TEXTS: dict[str, tuple[Callable[[str], object], str]] = {
    # Python's parser normalises names, which sorts their marks.
    "marks in a summary": (_summary, _MARKS),
    "sound marks in a notebook": (_notebook, "a" + "\u0323\uff9e" * 170_000 + " = 1\n"),
    "marks in a notebook": (_notebook, f"{_MARKS} = 1\n"),
    # Regular expressions that took quadratic time on one line.
    "a fence before spaces": (_code, "x y\n``` " + " " * 900_000 + "(\n"),
    "numbered lines and a blank one": (_code, "1 x y\n2 y(\n" + " " * 900_000 + "\n"),
    "names around in": (_code, "x = " + "a in b " * 12_000 + "\n"),
    "decorators": (indentation.restore, "@a\n" * 60_000 + "def f(x y):\nreturn x\n"),
    "methods with lost underscores": (underscores.restore, _lines("def m{0}(self):\n self. m{0}\n", 20_000)),
    "labels in front of labels": (_answer, "a." * 1_000),
    # Many statements that depend on each other.
    "used functions behind a class": (
        _code,
        "class A:\n def f(self):0\n" + _lines("def g{0}(self):0\n", 4_000) + _lines("(0,g{0})\n", 2_000),
    ),
    "a block that changes all": (
        _code,
        _lines("a{0}=A()\n", 2_900) + "if c:\n" + _lines(" a{0}.x=1\n", 2_900) + _ENTRY.format(_lines("a{0},", 2_900)),
    ),
    # Texts that are counted before anything parses them.
    "magics": (_notebook, "!a\n" * 2_000_000),
    "lines": (_notebook, "a\n" * 2_000_000),
    "cells": (_code, '{"cells":[' + '{"cell_type":"code","source":"a b"},' * 220_000 + "{}]}"),
}


_SECONDS = ("names around in", "used functions behind a class", "decorators", "numbered lines and a blank one")
"""Texts that still take seconds to read."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("reader", "text"),
    [pytest.param(*row, id=name, marks=[pytest.mark.thorough] * (name in _SECONDS)) for name, row in _TEXTS.items()],
)
def test_hostile_text_is_read_or_refused_in_seconds(reader: Callable[[str], object], text: str) -> None:
    assert reader(text) is not NotImplemented


@pytest.mark.timeout(60)
def test_long_diff_is_made_line_by_line() -> None:
    before, after = (_lines(f"{name}{{0}}\nsame\nagain\n" * 2, 3_000) for name in ("a", "b"))
    diff_lines = damage.difference(before, after).split("\n")
    assert diff_lines[:6] == ["--- pasted", "+++ repaired", "@@ -1,18000 +1,18000 @@", "-a0", "+b0", " same"]
    assert len(diff_lines) == 3 + 4 * 6_000


@pytest.mark.timeout(60)
def test_prefixes_of_a_tensor_name_are_removed_together() -> None:
    assert network._without_prefix("module._orig_mod." * 400_000 + "conv.weight") == "conv.weight"


@pytest.mark.parametrize(
    ("text", "size", "limit", "unit"),
    [
        ("a\n" * intake.LINE_LIMIT + "a", intake.LINE_LIMIT + 1, intake.LINE_LIMIT, "lines"),
        ("a " * (intake.TOKEN_LIMIT + 1), intake.TOKEN_LIMIT + 1, intake.TOKEN_LIMIT, "words"),
        ("é" * (intake.BYTE_LIMIT + 1), intake.BYTE_LIMIT + 1, intake.BYTE_LIMIT, "characters"),
    ],
    ids=["lines", "words", "characters"],
)
def test_too_much_code_in_a_notebook_is_refused_with_its_limit(text: str, size: int, limit: int, unit: str) -> None:
    cells = [{"cell_type": "code", "source": text}]
    (note,) = intake.read_part(Part(json.dumps({"cells": cells}).encode()), "f", frozenset()).notes
    assert messages.render(message_of(note), "en").startswith(
        f"The source has {size:,} {unit}; at most {limit:,} are read."
    )
    assert unit not in messages.render(message_of(note), "zh-Hant")


def test_outputs_and_words_of_a_notebook_are_not_code() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 500_000}}
    cells = [
        {"cell_type": "code", "source": "def f(): pass", "outputs": [picture]},
        *({"cell_type": "markdown", "source": "words " * 100} for _ in range(2 * notebook.CELL_LIMIT)),
    ]
    result = intake.read_part(Part(json.dumps({"cells": cells}).encode()), "f", frozenset())
    assert "def f(): pass" in (result.source or "")


@pytest.mark.parametrize("text", ["é à ñ", "กำลังทดสอบ", "e\u0301" * 100, "한글 漢字", "―" * 200, "a" + "\u0301" * 30])
def test_ordinary_marks_stay(text: str) -> None:
    assert encoding.limit_marks(text) == text


def test_marks_beyond_thirty_on_one_letter_are_removed() -> None:
    assert encoding.limit_marks("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 30 + "b"


_PEAK = """
import json, sys
from app.pages import preview
from grader import assignment
from grader.submission import Part

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

definition = assignment.bundled("hw13")
parts = {name: Part(bytes.fromhex(data)) for name, data in json.load(sys.stdin).items()}
preview.read_parts(definition, {"summary": Part(b"Total params: 1")}, "suggest", "en")
before = peak()
preview.read_parts(definition, parts, "suggest", "en")
print(peak() - before)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "source",
    slices.every(
        3,
        ["!a\n" * 2_000_000, "a\n" * 2_700_000, '{"cells":[' + '[{"":0}],' * 900_000 + "{}]}"],
        ["magics", "lines", "brackets"],
    ),
)
def test_the_preview_of_a_hostile_notebook_takes_little_memory(source: str) -> None:
    text = source if source.startswith("{") else json.dumps({"cells": [{"cell_type": "code", "source": source}]})
    parts = {"model": text.encode().hex(), "loss": text.encode().hex()}
    process = subprocess.run([sys.executable, "-c", _PEAK], input=json.dumps(parts), capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) < 200
