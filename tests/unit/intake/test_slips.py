"""A misspelt keyword is told as one, not as paste damage."""

from __future__ import annotations

import pytest

from grader import intake
from tests.unit.intake.paste import LOSS, MODEL, note_ids, read_text, without_underscores

SLIPS = [
    (LOSS, "return alpha", "retrun alpha", "return"),
    (LOSS, "return alpha", "reutrn alpha", "return"),
    (LOSS, "return alpha", "retur alpha", "return"),
    (LOSS, "return alpha", "Return alpha", "return"),
    (LOSS, "def loss_fn_kd", "dfe loss_fn_kd", "def"),
    (LOSS, "def loss_fn_kd", "deff loss_fn_kd", "def"),
    (LOSS, "    if labels is", "    fi labels is", "if"),
    (LOSS, "    else:", "    esle:", "else"),
    (LOSS, "is not None and alpha", "is not None adn alpha", "and"),
    (MODEL, "class StudentNet", "calss StudentNet", "class"),
    (MODEL, "class Separable_Block", "clas Separable_Block", "class"),
    (MODEL, "for block_id in", "fro block_id in", "for"),
    (MODEL, "2 if block_id", "2 fi block_id", "if"),
    (MODEL, "0 else 1", "0 esle 1", "else"),
]


@pytest.mark.parametrize(("text", "right", "wrong", "meant"), SLIPS)
def test_misspelt_keyword_is_named(text: str, right: str, wrong: str, meant: str) -> None:
    assert right in text
    broken = text.replace(right, wrong, 1)
    result = read_text(broken, "loss_fn_kd" if text is LOSS else "get_student_model")
    assert result.source is None
    assert not result.is_damaged
    note = result.notes[0]
    assert (note.id, note.params["meant"]) == ("code.misspelt", meant)
    assert broken.split("\n")[note.params["line"] - 1].count(note.params["word"]) == 1


def test_lost_underscores_stay_paste_damage() -> None:
    assert "code.damaged" in note_ids(read_text(without_underscores(MODEL)))


def test_slip_in_code_that_the_question_does_not_need_costs_nothing() -> None:
    result = read_text(f"{LOSS}\n\ndef accuracy(a, b):\n    retrun (a == b).mean() * 1\n    retrun a\n", "loss_fn_kd")
    assert "loss_fn_kd" in intake.defined_names(result.source or "")


@pytest.mark.parametrize("line", ["    x y = 3", "    student logits = 1", "    alpha temperature", "    id x"])
def test_other_names_side_by_side_are_no_keyword(line: str) -> None:
    assert "code.misspelt" not in note_ids(read_text(f"def get_student_model():\n{line}\n    return 1\n"))
