"""What is read of a form before it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.pages import form_content, preview
from app.submissions import submitting
from app.submissions.parts import Field, UnknownPart
from app.submissions.submitting import Upload
from grader import assignment
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.submission import Part

EXAMPLE = Path(__file__).parents[3] / "examples/hw13"
HW13 = assignment.bundled("hw13")
MODEL = Part((EXAMPLE / "model.py").read_bytes())
LOSS = Part((EXAMPLE / "loss.py").read_bytes())


def test_every_part_of_the_example_is_shown() -> None:
    parts = {
        "model": MODEL,
        "loss": LOSS,
        "summary": Part((EXAMPLE / "summary.txt").read_bytes()),
        "answers": Part(b'{"2.2": "softer", "3.2": "No."}'),
        "pruning_plot": Part((EXAMPLE / "pruning.png").read_bytes()),
        "weights": Part(b"12345"),
    }
    form = preview.read_parts(HW13, parts, "suggest", "en")
    assert [(code.part, code.has_entry) for code in form.codes] == [("model", True), ("loss", True)]
    read = {item.question.number: item.evidence for item in form.questions}
    assert list(read) == ["1.2", "2.2", "3.1", "3.2"]
    assert isinstance(read["1.2"], SummaryEvidence)
    assert read["1.2"].claimed_total == 96_587
    assert [item.answer for item in read.values() if isinstance(item, ChoiceEvidence)] == ["softer", "no"]
    assert isinstance(read["3.1"], PruningEvidence)
    assert read["3.1"].picture is not None
    assert {name: (part.size, part.lines) for name, part in form.parts.items()}["weights"] == (5, None)
    assert form.to_check == ("2.1",)
    assert form.unanswered == ()


def test_a_notebook_that_holds_the_loss_too_answers_both_questions() -> None:
    cells = [{"cell_type": "code", "source": part.data.decode()} for part in (MODEL, LOSS)]
    cells.append({"cell_type": "code", "source": "print('a'\nfor x in y:"})
    notebook = Part(json.dumps({"cells": cells, "nbformat": 4}).encode())
    form = preview.read_parts(HW13, {"model": notebook}, "suggest", "en")
    assert [(code.question, code.has_entry, code.other_part) for code in form.codes] == [
        ("1.1", True, None),
        ("2.1", True, "Student model"),
    ]
    assert form.unanswered == ("1.2", "2.2", "3.1", "3.2")
    remarks = [*form.parts["model"].remarks, *(remark for code in form.codes for remark in code.remarks)]
    assert remarks
    assert len(set(remarks)) == len(remarks), "a remark on the notebook is shown once"


def test_a_missing_entry_point_and_a_missing_name_are_shown() -> None:
    loss = Part(b"def loss_fn_kd(a, b, c):\n    return mystery(a)\n")
    form = preview.read_parts(HW13, {"model": Part(b"x = 1\n"), "loss": loss}, "suggest", "en")
    model, kd = form.codes
    assert not model.has_entry
    assert kd.has_entry
    assert kd.result.missing_names == (("mystery", 2, None),)
    assert form.to_check == ("1.1", "2.1")


def test_code_that_is_no_python_is_no_failure_of_ours() -> None:
    (model,) = preview.read_parts(HW13, {"model": Part(b"def get_student_model(:\n")}, "suggest", "zh-Hant").codes
    assert not model.has_entry
    assert model.remarks


def test_an_answer_that_names_no_choice_is_shown_as_it_was_written() -> None:
    form = preview.read_parts(HW13, {"answers": Part(b'{"2.2": "<b>both</b>"}')}, "suggest", "en")
    (answer,) = form.questions
    assert isinstance(answer.evidence, ChoiceEvidence)
    assert (answer.question.number, answer.evidence.answer) == ("2.2", "<b>both</b>")
    assert form.unanswered == ("1.1", "1.2", "2.1", "3.1", "3.2")


def test_a_picture_that_is_none_says_why() -> None:
    form = preview.read_parts(HW13, {"pruning_plot": Part(b"text")}, "suggest", "en")
    (picture,) = form.questions
    assert isinstance(picture.evidence, PruningEvidence)
    assert picture.evidence.picture is None
    assert picture.remarks


def test_a_function_of_another_question_is_not_shown_as_skipped() -> None:
    code = b"!nvidia-smi\ndef fine_grained_prune(tensor, sparsity):\n    return tensor\n\n"
    code += b"def get_input_channel_importance(weight, norm=cfg.norm):\n    return weight\n\nprint('done')\n"
    form = preview.read_parts(assignment.bundled("prune-quantize"), {"code": Part(code)}, "suggest", "en")
    assert [piece.line for piece in form.parts["code"].dropped_pieces] == [1, 8]
    assert [code.has_entry for code in form.codes].count(True) == 2


def test_outputs_of_a_notebook_are_offered_and_read_once_chosen() -> None:
    summary = {"output_type": "stream", "name": "stdout", "text": (EXAMPLE / "summary.txt").read_text()}
    cells = [{"cell_type": "code", "source": MODEL.data.decode()}]
    cells.append({"cell_type": "code", "source": "summary(model)", "outputs": [summary]})  # type: ignore[dict-item]
    fields = {"model-file": Field(json.dumps({"cells": cells, "nbformat": 4}).encode(), "hw13.ipynb")}

    def shown(**more: bytes) -> tuple[preview.Preview, Upload]:
        every = fields | {name.replace("_", "-"): Field(data, None) for name, data in more.items()}
        upload = submitting.read_form(form_content.read(every, HW13, {}).fields, HW13)
        return preview.read_parts(HW13, upload.parts, "suggest", "en", upload.from_outputs), upload

    form, upload = shown()
    assert list(upload.parts) == ["model"], "nothing is taken unasked"
    assert "1.2" in form.unanswered
    assert [finding.reference for finding in form.outputs["summary"]] == ["model:2.1"]
    chosen, upload = shown(output_summary=b"model:2.1")
    assert upload.parts["summary"].filename == "hw13.ipynb, cell 2, output 1.txt"
    assert "1.2" not in chosen.unanswered
    assert chosen.outputs == form.outputs, "the choice can be changed"
    # What the student submits as the part itself outranks the output.
    own, upload = shown(output_summary=b"model:2.1", summary=b"Total params: 5")
    assert upload.parts["summary"].data == b"Total params: 5"
    assert own.outputs == {}
    with pytest.raises(submitting.NoSuchOutput, match=r"model:2\.1"):
        shown(output_summary=b"model:1.1")


def test_fields_of_outputs_are_those_of_parts() -> None:
    assert submitting.field_limit("output-summary") == submitting.field_limit("repair")
    assert submitting.field_limit("output-") is None
    assert submitting.field_limit("output-Summary") is None
    fields = {"assignment": Field(b"hw13", None), "model": Field(MODEL.data, None)}
    with pytest.raises(UnknownPart, match="output-none"):
        submitting.read_form(fields | {"output-none": Field(b"model:1.1", None)}, HW13)
    with pytest.raises(submitting.NoSuchOutput, match="Send one of the two"):
        submitting.read_form(fields | {"output-model": Field(b"model:1.1", None)}, HW13)
