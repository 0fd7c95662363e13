"""The faults of an assignment's texts: misspelt names get the one that was meant, and no text ends in an exception."""

from __future__ import annotations

import pytest

from grader import assignment_check
from grader.assignment import ASSIGNMENTS, read_folder

MAIN = assignment_check.MAIN
TEXTS = read_folder(ASSIGNMENTS / "hw13")
FUNCTIONS = read_folder(ASSIGNMENTS / "prune-quantize")


def faults_after(old: str, new: str) -> list[str]:
    assert old in TEXTS[MAIN]
    _, faults = assignment_check.check_texts({**TEXTS, MAIN: TEXTS[MAIN].replace(old, new, 1)})
    return [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("old", "new", "name", "meant"),
    [
        ("version = 1", "verson = 1", "verson", "version"),
        ("attempts_per_day = 20", "attempts_per_dya = 20", "schedule.attempts_per_dya", "attempts_per_day"),
        ('title = { en = "Student model', 'titel = { en = "Student model', "parts.1.titel", "title"),
        ('check = "pruning"', 'check = "pruning"\ntel = "at once"', "questions.5.tel", "tell"),
        ("classes = 11", "clases = 11", "question 1.1: clases", "classes"),
        ("[sandbox]", "[sandbox]\nmemory = 900", "sandbox.memory", "memory_mb"),
        ('check = "pruning"', 'check = "prunning"', "question 3.1: check", "pruning"),
        ('parts = ["summary"]', 'parts = ["sumary"]', "questions.2: parts", "summary"),
        ('keep = "best"', 'keep = "besst"', "schedule.keep", "best"),
        ('key = "softer"', 'key = "sofer"', "question 2.2: key", "softer"),
        ('prelude = "prelude.py"', 'prelude = "prelud.py"', "prelude", "prelude.py"),
        ('cases = "kd_cases.json"', 'cases = "kd_case.json"', "question 2.1: cases", "kd_cases.json"),
    ],
)
def test_a_misspelt_name_gets_the_meant_one(old: str, new: str, name: str, meant: str) -> None:
    line = TEXTS[MAIN][: TEXTS[MAIN].index(old)].count("\n") + new.count("\n") + 1
    (fault,) = [fault for fault in faults_after(old, new) if f"{name}: " in fault and "did you mean" in fault]
    assert fault.startswith(f"{MAIN}:{line}: {name}: ")
    assert fault.endswith(f"; did you mean `{meant}`?")


def test_a_name_that_resembles_none_gets_no_guess() -> None:
    (fault,) = faults_after("version = 1", "version = 1\nzzz = 2")
    assert fault == f"{MAIN}:{4}: zzz: there is no such key"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", 'version = 1\ndigest = "00"', "digest: there is no such key"),
        ("version = 1", f"version = {'9' * 5000}", "4300 digits"),
        ("version = 1", f"version = 1\ndeep = {'[' * 5000}", "nested too deeply"),
        ("known_mistakes = ", "known_mistakes = []\nformer_mistakes = ", "names a file of the folder, not []"),
        ('key = "no"', "key = []", "is one of yes, no, not []"),
        ("[sandbox]", '[sandbox]\nmemory_mb = "much"', "sandbox.memory_mb: Input should be a valid integer"),
    ],
)
def test_odd_values_are_faults(old: str, new: str, said: str) -> None:
    assert any(said in fault for fault in faults_after(old, new))


def test_code_of_the_author_that_python_cannot_read_is_named_with_its_line() -> None:
    name = "functions/k_means_quantize/reference.py"
    broken = {**FUNCTIONS, name: "import torch\n\ndef k_means_quantize(:\n", "notes/draft.py": "def ("}
    _, faults = assignment_check.check_texts(broken)
    assert [(fault.file, fault.line) for fault in faults] == [(name, 3)]
    _, faults = assignment_check.check_texts({**broken, MAIN: broken[MAIN].replace("version = 1", "verson = 1")})
    assert [(fault.file, fault.line) for fault in faults][1:] == [(MAIN, 3), (name, 3)]
