"""What is found in a form before it counts."""

from __future__ import annotations

import json
from pathlib import Path

from app.pages import preview
from grader import assignment
from grader.submission import Part

EXAMPLE = Path(__file__).parents[3] / "examples/hw13"
HW13 = assignment.bundled("hw13")
MODEL = Part((EXAMPLE / "model.py").read_bytes())
LOSS = Part((EXAMPLE / "loss.py").read_bytes())


def test_every_part_of_the_example_is_found() -> None:
    parts = {
        "model": MODEL,
        "loss": LOSS,
        "summary": Part((EXAMPLE / "summary.txt").read_bytes()),
        "answers": Part(b'{"2.2": "softer", "3.2": "No."}'),
        "pruning_plot": Part((EXAMPLE / "pruning.png").read_bytes()),
        "weights": Part(b"12345"),
    }
    found = preview.look(HW13, parts, "suggest", "en")
    assert [(code.part, code.is_there) for code in found.codes] == [("model", True), ("loss", True)]
    assert found.summary is not None
    assert found.summary.claimed_total == 96_587
    assert found.answers == {number: HW13.question(number).options["choices"][key]["en"] for number, key in
                             (("2.2", "softer"), ("3.2", "no"))}  # fmt: skip
    assert found.pruning is not None
    assert found.pruning.picture is not None
    assert found.weights_size == 5
    assert found.unanswered == ()


def test_a_notebook_that_holds_the_loss_too_answers_both_questions() -> None:
    cells = [{"cell_type": "code", "source": part.data.decode()} for part in (MODEL, LOSS)]
    notebook = Part(json.dumps({"cells": cells, "nbformat": 4}).encode())
    found = preview.look(HW13, {"model": notebook}, "suggest", "en")
    assert [(code.part, code.is_there, code.inside_model) for code in found.codes] == [
        ("model", True, False),
        ("loss", True, True),
    ]
    assert found.unanswered == ("1.2", "2.2", "3.1", "3.2")


def test_a_missing_entry_point_and_a_missing_name_are_told() -> None:
    loss = Part(b"def loss_fn_kd(a, b, c):\n    return mystery(a)\n")
    found = preview.look(HW13, {"model": Part(b"x = 1\n"), "loss": loss}, "suggest", "en")
    model, kd = found.codes
    assert not model.is_there
    assert kd.is_there
    assert kd.taken.missing_names == (("mystery", 2),)


def test_code_that_is_no_python_is_no_failure_of_ours() -> None:
    (model,) = preview.look(HW13, {"model": Part(b"def get_student_model(:\n")}, "suggest", "zh-Hant").codes
    assert not model.is_there
    assert model.remarks


def test_an_answer_that_names_no_choice_is_shown_as_it_was_written() -> None:
    found = preview.look(HW13, {"answers": Part(b'{"2.2": "<b>both</b>"}')}, "suggest", "en")
    assert found.answers == {"2.2": "<b>both</b>"}
    assert found.unanswered == ("1.1", "1.2", "2.1", "3.1", "3.2")


def test_a_picture_that_is_none_says_why() -> None:
    found = preview.look(HW13, {"pruning_plot": Part(b"text")}, "suggest", "en")
    assert found.pruning is not None
    assert found.pruning.picture is None
    assert found.pruning_remarks
