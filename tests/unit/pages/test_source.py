"""A student's text is text: coloured, numbered, never markup."""

from __future__ import annotations

import json

from app.pages import source
from grader.parts import PartKind


def test_python_is_coloured_line_by_line() -> None:
    lines = source.to_html(PartKind.CODE, 'def f():\n    """two\n    lines"""\n').split("\n</span>")
    assert len(lines) == 5
    assert all(line.startswith('<span class="ln">') for line in lines[:4])
    assert '<span class="k">def</span>' in lines[0]
    assert [line.count("<span") - line.count("</span") for line in lines] == [1, 1, 1, 1, 0]


def test_markup_in_a_text_stays_text() -> None:
    for kind in (PartKind.CODE, PartKind.TEXT):
        shown = source.to_html(kind, "x = '<script>alert(1)</script>'  # <b>\x1b[31m")
        assert "<script" not in shown
        assert "<b>" not in shown
        assert "&lt;script" in shown


def test_a_long_text_is_shown_without_colours() -> None:
    shown = source.to_html(PartKind.CODE, "x = '<'\n" * 20_000)
    assert "&lt;" in shown
    assert 'class="n"' not in shown


def test_a_notebook_shows_its_code_cells() -> None:
    cells = [{"cell_type": "markdown", "source": "# Title"}, {"cell_type": "code", "source": ["a = 1\n", "b = 2"]}]
    text = str(source.to_html(PartKind.CODE, json.dumps({"cells": cells, "nbformat": 4})))
    assert "# cell 1" in text
    assert "Title" not in text


def test_lines_beyond_the_limit_are_counted_and_not_shown() -> None:
    shown = source.to_html(PartKind.TEXT, "a\n" * 50_000)
    assert shown.count("<span") == 20_001
    assert shown.rstrip().endswith("(+30,001)\n</span>")


def test_lines_of_a_notebook_are_numbered_in_their_cell() -> None:
    """A comment of the student's that looks like a heading is a line of its cell."""
    cells = [{"cell_type": "code", "source": text} for text in ("\n# cell 9\nx = 1\n\n", "", "y = 2")]
    shown = source.to_html(PartKind.CODE, json.dumps({"cells": cells, "nbformat": 4}), marked=[4]).split("\n</span>")
    kinds = [line.split('"')[1] for line in shown if line]
    assert kinds == ["cell", "ln", "ln", "ln marked", "cell", "ln", "cell", "ln", "ln"]


def test_lines_of_a_text_are_numbered_whatever_ends_them() -> None:
    for text in ("x = (\r1)\ry = 2", "x = (\r\n1)\r\ny = 2", "x = (\u20281)\u2028y = 2"):
        assert source.to_html(PartKind.CODE, text).count('class="ln"') == 4
