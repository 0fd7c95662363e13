"""One wrong character in a cell costs only the questions that need the cell."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator

import pytest

from grader.intake import REVIEW_FACTS, IntakeResult
from tests.unit.intake.course_notebooks import BOTH, NOTEBOOKS, Cell
from tests.unit.intake.paste import note_ids, notebook, read_text

BREAKS = 4
"""Wrong characters in each cell."""
SIGNS = "()[]{}:,='\"\\#x \n"


def broken(text: str, generator: random.Random) -> str:
    """The text with one character missing, one too many, or one exchanged."""
    at = generator.randrange(len(text))
    kind = generator.choice(["missing", "added", "exchanged"])
    sign = "" if kind == "missing" else generator.choice(SIGNS)
    return text[:at] + sign + text[at + (kind != "added") :]


def cases() -> Iterator[tuple[str, int]]:
    for name, cells in NOTEBOOKS.items():
        yield from ((name, number) for number in range(len(cells)))


def needed_definitions(result: IntakeResult, cells: tuple[Cell, ...], entry: str) -> list[str]:
    """The statements that run of the cells that an entry point needs, as syntax trees."""
    assert result.source is not None, result.notes
    needed = [cell.text for cell in cells if entry in cell.needed_by]
    wanted = {ast.dump(node) for text in needed for node in ast.parse(text).body}
    return [dump for node in ast.parse(result.source).body if (dump := ast.dump(node)) in wanted]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_unbroken_notebook_is_read(name: str) -> None:
    cells = NOTEBOOKS[name]
    for entry in BOTH:
        result = read_text(notebook(*(cell.text for cell in cells)), entry)
        assert not note_ids(result) & REVIEW_FACTS, result.notes
        for cell in cells:
            lines = [line for line in cell.text.split("\n") if line.startswith(("def ", "class "))]
            assert entry not in cell.needed_by or all(line in str(result.source) for line in lines)


@pytest.mark.parametrize(("name", "number"), list(cases()))
def test_one_wrong_character_costs_only_the_questions_that_need_its_cell(name: str, number: int) -> None:
    cells = NOTEBOOKS[name]
    intact = {entry: read_text(notebook(*(cell.text for cell in cells)), entry) for entry in BOTH}
    generator = random.Random(f"{name} {number}")
    for _ in range(BREAKS):
        texts = [cell.text for cell in cells]
        texts[number] = broken(texts[number], generator)
        for entry in BOTH - cells[number].needed_by:
            result = read_text(notebook(*texts), entry)
            expected = needed_definitions(intact[entry], cells, entry)
            assert needed_definitions(result, cells, entry) == expected, (texts[number], result.notes)
            assert not note_ids(result) & REVIEW_FACTS, (texts[number], result.notes)
            missing = {name.name for name in result.missing_names}
            assert missing <= {name.name for name in intact[entry].missing_names}, texts[number]
