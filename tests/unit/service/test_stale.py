"""What a new version of an assignment has measured anew."""

from __future__ import annotations

import pytest

from app.regrades.stale import measuring_key
from grader.assignment import Assignment, bundled, from_files

HW13 = bundled("hw13")
MODEL_QUESTIONS = {"1.1", "1.2", "3.1", "3.2"}


def stale(**changes: tuple[str, str]) -> set[str]:
    """The questions that are measured otherwise after a text of a file was replaced."""
    files = dict(HW13.files)
    for name, (old, new) in changes.items():
        file = {"toml": "assignment.toml", "prelude": "prelude.py", "cases": "kd_cases.json"}[name]
        assert old in files[file]
        files[file] = files[file].replace(old, new, 1)
    changed: Assignment = from_files(files)
    return {
        question.number
        for question in HW13.questions
        if measuring_key(HW13, question) != measuring_key(changed, changed.question(question.number))
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "version = 2"),
        ('key = "softer"', 'key = "harder"'),
        ("points = 0.5", "points = 0.75"),
        ("hard_term_points = 0.25", "hard_term_points = 0.5"),
        ("small_constants = 256", "small_constants = 0"),
        ("default = { points = 0.25 }", "default = { points = 0.125 }"),
        ('"kd.empty_body" = { points = 0 }', '"kd.empty_body" = { points = 0.1 }'),
        ('keep = "best"', 'keep = "latest"'),
    ],
)
def test_what_only_scoring_reads_is_not_measured_again(old: str, new: str) -> None:
    assert stale(toml=(old, new)) == set()


@pytest.mark.parametrize(
    ("old", "new", "questions"),
    [
        ("classes = 11", "classes = 12", MODEL_QUESTIONS),
        ("parameter_limit = 100_000", "parameter_limit = 60_000", MODEL_QUESTIONS),
        ("batches = [1, 2]", "batches = [1, 4]", MODEL_QUESTIONS),
        ("example_total = 87_907", "example_total = 59_723", {"1.2"}),
        ("sweep_flops = 5e11", "sweep_flops = 2e12", {"3.1"}),
        ("simple = 0.44820", "simple = 0.44364", set()),  # of another data set than the one that is measured
        ('baselines_data = "food11"', 'baselines_data = "food11-mini"', {"3.1"}),
        ("sweep_flops", 'data = "food11"\nsweep_flops', {"3.1"}),
        ("sweep_flops", "unheard_of = 1\nsweep_flops", {"3.1"}),
    ],
)
def test_what_measuring_reads_makes_its_questions_stale(old: str, new: str, questions: set[str]) -> None:
    assert stale(toml=(old, new)) == questions


def test_files_make_the_questions_that_read_them_stale() -> None:
    assert stale(cases=("0", "1")) == {"2.1", "3.1"}
    assert stale(prelude=("import", "import math\nimport")) == {"1.1", "1.2", "2.1", "3.1", "3.2"}
