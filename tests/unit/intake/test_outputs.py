"""Parts that are in the outputs of a notebook: which ones are offered, and what is taken on request."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader import part_outputs
from grader.assignment import bundled
from grader.intake import notebook, outputs
from grader.part_outputs import OutputNotFound
from grader.parts import PartDefinition
from grader.submission import Part

EXAMPLE = Path(__file__).parents[3] / "examples/hw13"
PARTS = bundled("hw13").parts
SUMMARY = (EXAMPLE / "summary.txt").read_text()
PNG = (EXAMPLE / "pruning.png").read_bytes()
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
CODE = (EXAMPLE / "model.py").read_text()
PLOT = "plt.plot(prune_ratios, accuracies)\nplt.show()"


def cell(source: str, *shown: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": list(shown)}


def printed(text: str | list[str], name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(kind: str = "display_data", **content: Any) -> dict[str, Any]:
    return {"output_type": kind, "data": {key.replace("_", "/"): value for key, value in content.items()}}


def encoded(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def of_cells(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


def found(data: bytes, **others: bytes) -> list[tuple[str, str]]:
    """Part and reference of each output that is offered."""
    parts = {"model": Part(data, "hw13.ipynb"), **{name: Part(other) for name, other in others.items()}}
    return [(finding.name, finding.reference) for finding in part_outputs.find(PARTS, parts)]


def taken(data: bytes, **wanted: str) -> dict[str, Part]:
    return part_outputs.take(PARTS, {"model": Part(data, "hw13.ipynb")}, wanted)


SUMMARY_CELL = cell("summary(model, (3, 224, 224))", printed(SUMMARY))
PLOT_CELL = cell(PLOT, shown(image_png=encoded(PNG), text_plain="<Figure size 640x480 with 1 Axes>"))
NBFORMAT_3 = {
    "nbformat": 3,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "code", "input": "x", "outputs": [
                    {"output_type": "stream", "stream": "stdout", "text": SUMMARY.splitlines(keepends=True)}]},
                {"cell_type": "code", "input": PLOT, "outputs": [
                    {"output_type": "display_data", "png": encoded(PNG)}]},
            ]
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "offers"),
    [
        (of_cells(cell(CODE), SUMMARY_CELL, PLOT_CELL), [("summary", "model:2.1"), ("pruning_plot", "model:3.1")]),
        (json.dumps(NBFORMAT_3).encode(), [("summary", "model:1.1"), ("pruning_plot", "model:2.1")]),
        # A cell that prints in pieces, between errors, has one summary; torchinfo returns its own.
        (of_cells(cell("s", printed("warning", "stderr"), printed(SUMMARY[:200]), printed(SUMMARY[200:]))),
         [("summary", "model:1.2")]),
        (of_cells(cell("s", shown("execute_result", text_plain=SUMMARY.splitlines(keepends=True)))),
         [("summary", "model:1.1")]),
        (of_cells(cell(PLOT, shown(image_jpeg=encoded(JPEG)))), [("pruning_plot", "model:1.1")]),
        # Text cells do not count; the code of a picture says what it shows, other pictures are not offered.
        (of_cells({"cell_type": "markdown", "source": "#"}, cell("show(i)", shown(image_png=encoded(PNG))), PLOT_CELL),
         [("pruning_plot", "model:2.1")]),
        # Several runs: all are offered, the last ones at most.
        (of_cells(*[SUMMARY_CELL] * 9), [("summary", f"model:{number}.1") for number in range(5, 10)]),
        # What is no output, no picture, too large, or no notebook.
        (of_cells(cell("x", printed("epoch 1"))), []),
        (of_cells(cell(PLOT, shown(image_png="AAAA")), cell(PLOT, shown(image_png="%"))), []),
        (of_cells(cell("x", printed(SUMMARY + "x" * 2**20))), []),
        (of_cells(cell("x", {"output_type": "stream"}, shown(), {"output_type": "x", "data": 5}), {"outputs": 1}), []),
        (b'{"cells": 3}', []),
        (SUMMARY.encode(), []),
        (b'{"cells": [', []),
        (b'{"cells": [' + b"[" * notebook.BRACKET_LIMIT + b"]}", []),
    ],
)  # fmt: skip
def test_outputs_are_offered_by_kind_and_words(data: bytes, offers: list[tuple[str, str]]) -> None:
    assert found(data) == offers


def test_output_is_not_offered_for_a_part_that_is_submitted() -> None:
    data = of_cells(cell(CODE), SUMMARY_CELL, PLOT_CELL)
    assert found(data, summary=b"my own") == [("pruning_plot", "model:3.1")]


def test_taken_part_is_the_output_as_a_file() -> None:
    data = of_cells(cell(CODE), SUMMARY_CELL, PLOT_CELL)
    assert taken(data) == {"model": Part(data, "hw13.ipynb")}, "nothing is taken unasked"
    parts = taken(data, summary="model:2.1", pruning_plot="model:3.1")
    assert list(parts) == ["model", "summary", "pruning_plot"]
    assert parts["summary"] == Part(SUMMARY.encode(), "hw13.ipynb, cell 2, output 1.txt")
    assert parts["pruning_plot"] == Part(PNG, "hw13.ipynb, cell 3, output 1.png")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"summary": "model:3.1"}, "model:2.1"),
        ({"summary": "loss:2.1"}, "model:2.1"),
        ({"summary": "x" * 500}, "model:2.1"),
        ({"pruning_plot": "model:4.1"}, "model:3.1"),
        ({"weights": "model:2.1"}, "none"),
    ],
)
def test_another_output_is_refused_with_those_that_there_are(wanted: dict[str, str], message: str) -> None:
    broken = encoded(PNG)[:400] + "!"
    data = of_cells(cell(CODE), SUMMARY_CELL, PLOT_CELL, cell(PLOT, shown(image_png=broken)))
    with pytest.raises(OutputNotFound, match=message) as refused:
        taken(data, **wanted)
    assert len(str(refused.value)) < 300


def test_outputs_of_a_notebook_are_bounded() -> None:
    data = of_cells(cell("x", *[shown(text_plain="x")] * (outputs.OUTPUT_LIMIT + 10)))
    assert len(outputs.read(data)) == outputs.OUTPUT_LIMIT
    assert outputs.read(data + b" " * notebook.BYTE_LIMIT) == ()


def test_cells_are_numbered_as_in_messages() -> None:
    """Cells without a text are no code cells for either."""
    data = of_cells(cell("a"), {"cell_type": "code", "source": 7}, SUMMARY_CELL)
    cells = notebook.code_cells(data.decode())
    assert isinstance(cells, tuple)
    assert len(cells) == 2
    assert found(data) == [("summary", "model:2.1")]


def test_only_kinds_that_notebooks_show_have_outputs() -> None:
    title = {"en": "Weights"}
    with pytest.raises(ValidationError, match="no output of a notebook"):
        PartDefinition(name="weights", kind="weights", title=title, outputs=("saved",))
