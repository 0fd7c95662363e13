"""The quick part of the collection of submissions; all of it: ``python -m tests.integration.submissions``."""

from __future__ import annotations

import ast

import pytest

from grader import intake, pipeline, scoring
from grader.assignment import Assignment, bundled
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts
from tests import slices
from tests.integration.submissions.collection import Entry, pastes, read
from tests.integration.submissions.pastes import LOSS
from tests.unit.intake.course_notebooks import NOTEBOOKS
from tests.unit.intake.paste import notebook

PRELUDE = intake.defined_names(bundled("hw13").prelude_source())
MODELS = (
    "a generic class of Python 3.12",
    "an enum, a registry with a decorator, and getattr for the activation",
    "quantisation-aware weights, rounded with a straight-through estimator",
    "a low-rank layer and a hypernetwork that makes a kernel",
    "a width that a while loop finds by counting parameters",
    "a builder whose methods are called one after another",
    "a torchvision network that an own function cuts down, and a script's command line",
    "a script that trains the very object it returns",
    "a search for the best width that trains each",
    "classes found by name and by their base class",
)
"""Those that a change of ours made right, or that one could easily make wrong."""


def by_title(entry: Entry) -> str:
    return entry.title


LOSSES = [*read("losses.txt"), *read("kinds.txt")]


@pytest.mark.parametrize("entry", slices.every(3, LOSSES, [*map(by_title, LOSSES)]))
def test_loss_earns_what_a_careful_person_would_give(entry: Entry, hw13: Assignment, sandbox: Sandbox) -> None:
    score = entry.grade(hw13, sandbox)
    assert entry.agrees(score), score


COLLECTED_MODELS = [one for one in read("models.txt") if one.title in MODELS]


@pytest.mark.parametrize("entry", slices.every(2, COLLECTED_MODELS, [*map(by_title, COLLECTED_MODELS)]))
def test_model_earns_what_a_careful_person_would_give(entry: Entry, hw13: Assignment, sandbox: Sandbox) -> None:
    score = entry.grade(hw13, sandbox)
    assert entry.agrees(score), score


@pytest.mark.parametrize("entry", [one for one in pastes() if one.verdict == "full"], ids=by_title)
def test_paste_is_read_as_the_loss_that_it_was(entry: Entry) -> None:
    taken = intake.read_part(Part(entry.data), "loss_fn_kd", PRELUDE, kind=intake.EntryKind.LOSS)
    assert taken.source is not None, taken.error
    assert definition(taken.source) == definition(LOSS)


@pytest.mark.parametrize("entry", [one for one in pastes() if one.verdict == "needs_review"], ids=by_title)
def test_paste_that_only_a_person_can_read_says_where_the_loss_stands(entry: Entry) -> None:
    taken = intake.read_part(Part(entry.data), "loss_fn_kd", PRELUDE, kind=intake.EntryKind.LOSS)
    assert taken.notes[0].id == "intake.entry_lost", taken.notes


def definition(source: str) -> list[str]:
    """The last ``loss_fn_kd`` of a text, statement by statement, without its docstring and its comments."""
    found = [node for node in ast.parse(source).body if getattr(node, "name", "") == "loss_fn_kd"]
    assert isinstance(found[-1], ast.FunctionDef)
    return [ast.unparse(found[-1].args), *(ast.unparse(node) for node in found[-1].body[1:])]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_wrong_character_in_an_unneeded_cell_of_a_notebook_costs_nothing(
    name: str, hw13: Assignment, sandbox: Sandbox
) -> None:
    """One broken cell for each way of breaking it; `tests.unit.intake.test_course_notebooks` breaks every cell."""
    texts = [cell.text for cell in NOTEBOOKS[name]]
    unneeded = [number for number, cell in enumerate(NOTEBOOKS[name]) if not cell.needed_by]
    for number, (right, wrong) in zip(reversed(unneeded), ((")", ""), ("(", "(("), ("\n", " '\n")), strict=False):
        texts[number] = texts[number].replace(right, wrong, 1)
    part = Part(notebook(*texts).encode())
    grading = pipeline.run_first_stage(hw13, SubmittedParts({"model": part}), sandbox)
    verdicts = {number: scoring.score(hw13, number, grading.evidence[number]).verdict for number in ("1.1", "2.1")}
    assert verdicts == {"1.1": "full", "2.1": "full"}
