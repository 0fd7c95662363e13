"""Submissions to `prune-quantize` as people write them: whole notebooks, other styles, and mistakes in other words."""

from __future__ import annotations

import json
import re

import pytest

from grader import pipeline
from grader.checks.function.evidence import FunctionEvidence
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict, score
from grader.submission import Part, SubmittedParts
from tests import slices
from tests.functions.submissions import ASSIGNMENT, FOLDER, NUMBERS, rows

PEOPLE = rows(FOLDER / "people.txt")
MISTAKEN = rows(FOLDER / "mistaken.txt")


def as_part(text: str) -> Part:
    """A notebook where the text has cells, else a script."""
    cells = re.split(r"^# %%\n", text, flags=re.M)[1:]
    if not cells:
        return Part(text.encode(), "homework.py")
    notebook = {
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Pruning\n", "Write your code below."]}]
        + [
            {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": cell.splitlines(True)}
            for cell in cells
        ],
        "metadata": {"accelerator": "GPU"},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return Part(json.dumps(notebook).encode(), "homework.ipynb")


@pytest.mark.parametrize("name", slices.every(3, PEOPLE, list(PEOPLE)))
def test_everybody_who_is_right_gets_full_points(sandbox: Sandbox, name: str) -> None:
    grading = pipeline.grade(ASSIGNMENT, SubmittedParts({"code": as_part(PEOPLE[name])}), sandbox)
    for entry, number in NUMBERS.items():
        result = score(ASSIGNMENT, number, grading.evidence[number])
        assert result.verdict is Verdict.FULL, (entry, result.messages, grading.evidence[number])


def test_mistakes_in_other_words_are_named(sandbox: Sandbox) -> None:
    """One submission for each mistake of a function, all functions at once."""
    pending = list(MISTAKEN.items())
    while pending:
        first = {name.split(":")[0]: (name, code) for name, code in reversed(pending)}
        pending = [row for row in pending if row not in first.values()]
        code = "\n".join(code for _, code in first.values())
        grading = pipeline.grade(ASSIGNMENT, SubmittedParts({"code": as_part(code)}), sandbox)
        for entry, (name, _) in first.items():
            evidence = grading.evidence[NUMBERS[entry]]
            assert isinstance(evidence, FunctionEvidence)
            assert evidence.diagnosis == name.split(": ")[1], (name, evidence)
            result = score(ASSIGNMENT, NUMBERS[entry], evidence)
            assert result.score < result.max_score, name
