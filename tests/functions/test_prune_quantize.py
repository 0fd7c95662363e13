"""The homework `prune-quantize`: right functions get full points, known mistakes their names, hostile ones nothing."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import grade, pipeline
from grader.checks.function import reference, rubric
from grader.checks.function.evidence import FunctionEvidence
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict, score
from tests import slices
from tests.functions.submissions import ASSIGNMENT, FOLDER, NUMBERS, of_code, rows

EXAMPLES = Path(__file__).parents[2] / "examples"
HONEST = {entry: [*rows(FOLDER / "honest" / f"{entry}.txt").values()] for entry in NUMBERS}
HOSTILE = rows(FOLDER / "hostile.txt")
MISTAKES = {
    "1.1": "threshold_kept",
    "1.3": "output_channels",
    "2.1": "clusters_are_bits",
    "2.3": "zero_point_cut_off",
    "2.4": "sign",
}


def parts_of(folder: str) -> dict[str, Path]:
    return {"code": EXAMPLES / folder / "code.py", "answers": EXAMPLES / folder / "answers.json"}


@pytest.mark.quick
def test_the_example_gets_all_points(sandbox: Sandbox) -> None:
    report = grade(parts_of("prune-quantize"), ASSIGNMENT, sandbox=sandbox)
    assert report.score == report.max_score == 10
    assert {question.verdict for question in report.questions} == {Verdict.FULL}


def test_five_classic_mistakes_are_named(sandbox: Sandbox) -> None:
    report = grade(parts_of("prune-quantize-mistakes"), ASSIGNMENT, sandbox=sandbox)
    evidence = {question.number: question.evidence for question in report.questions}
    found = {number: item.diagnosis for number, item in evidence.items() if isinstance(item, FunctionEvidence)}
    assert {number: mistake for number, mistake in found.items() if mistake} == MISTAKES
    wrong = {question.number for question in report.questions if question.verdict is not Verdict.FULL}
    assert wrong == MISTAKES.keys()


@pytest.mark.parametrize("variant", slices.every(4, range(10)))
def test_honest_variants_get_full_points(sandbox: Sandbox, variant: int) -> None:
    code = "\n\n".join(HONEST[entry][variant] for entry in NUMBERS)
    grading = pipeline.grade(ASSIGNMENT, of_code(code), sandbox)
    for entry, number in NUMBERS.items():
        result = score(ASSIGNMENT, number, grading.evidence[number])
        assert result.verdict is Verdict.FULL, (entry, variant, result.messages)


def test_there_are_ten_honest_variants_of_each_function() -> None:
    assert {len(variants) for variants in HONEST.values()} == {10}


@pytest.mark.parametrize("name", slices.every(3, HOSTILE, list(HOSTILE)))
def test_hostile_function_gets_nothing(sandbox: Sandbox, name: str) -> None:
    number = NUMBERS[name.split(":")[0]]
    grading = pipeline.grade(ASSIGNMENT, of_code(HOSTILE[name]), sandbox)
    result = score(ASSIGNMENT, number, grading.evidence[number])
    assert result.score == 0, result
    assert result.verdict in (Verdict.NONE, Verdict.NEEDS_REVIEW), result


@pytest.mark.parametrize("entry", slices.every(4, NUMBERS, list(NUMBERS)))
def test_the_rubric_tells_its_mistakes_apart(sandbox: Sandbox, entry: str) -> None:
    tried: list[str] = []
    question = ASSIGNMENT.question(NUMBERS[entry])
    trial = rubric.try_rubric(sandbox, ASSIGNMENT, question, lambda file, *_: tried.append(file))
    assert not trial.errors
    assert len(tried) == 1 + trial.mistakes + trial.correct > 6


def test_a_known_mistake_on_the_fixed_cases_alone_has_no_points(sandbox: Sandbox) -> None:
    names: dict[str, Any] = {}
    exec(ASSIGNMENT.files["functions/get_num_channels_to_keep/cases.py"], names)
    fixed = [inputs for _, inputs in names["cases"](np.random.default_rng(reference.FIXED_SEED))]
    known = {(one["channels"], one["prune_ratio"]): int(one["channels"] * (1 - one["prune_ratio"])) for one in fixed}
    code = f"known = {known}\ndef get_num_channels_to_keep(channels, prune_ratio):\n"
    code += "    return known.get((channels, prune_ratio), -1)\n"
    grading = pipeline.grade(ASSIGNMENT, of_code(code), sandbox)
    result = score(ASSIGNMENT, "1.2", grading.evidence["1.2"])
    assert (result.score, result.verdict) == (0, Verdict.NONE), result


def test_wherever_k_means_begins_its_result_is_accepted() -> None:
    files, folder = ASSIGNMENT.files, "functions/k_means_quantize"
    names: dict[str, Any] = {}
    exec("\n".join([files["prelude.py"], *(files[f"{folder}/{name}.py"] for name in ("reference", "property"))]), names)
    exec(files[f"{folder}/cases.py"], names)
    for seed in range(400):
        kind, inputs = next(names["cases"](np.random.default_rng(seed)))
        np.random.seed(seed)
        arguments = {name: value.clone() if name == "fp32_tensor" else value for name, value in inputs.items()}
        output = types.SimpleNamespace(result=names["k_means_quantize"](**arguments), arguments=arguments)
        assert names["accepts_result"](inputs, output) is None, (seed, kind)
        assert names["accepts_arguments"](inputs, output) is None, (seed, kind)
