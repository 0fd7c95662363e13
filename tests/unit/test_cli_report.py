"""The report as a terminal shows it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from app.commands import report


def printed(data: dict[str, Any]) -> str:
    stream = io.StringIO()
    report.show(Console(file=stream, width=100, force_terminal=False), data)
    return stream.getvalue()


def question(**changes: Any) -> dict[str, Any]:
    return {
        "number": "2.1",
        "title": "Loss",
        "score": 0.25,
        "max_score": 0.5,
        "verdict": "partial",
        "messages": [{"id": "kd.soft", "text": "The [/soft] term is wrong."}],
        "evidence": {},
        **changes,
    }


def whole(*questions: dict[str, Any]) -> dict[str, Any]:
    return {"assignment": "hw13", "score": 2.25, "max_score": 4.0, "questions": list(questions)}


def test_points_verdict_and_reason_are_shown() -> None:
    text = printed(whole(question()))
    assert "2.25 / 4" in text
    assert "0.25 / 0.5" in text
    assert "partial" in text
    assert "The [/soft] term is wrong." in text


def test_a_students_text_is_never_markup() -> None:
    error = {"type": "ValueError", "message": "[bold]x[/bold] [/nothing]", "line": 3, "source": "raise [red]"}
    text = printed(whole(question(title="[red]title", evidence={"error": error})))
    assert "[bold]x[/bold] [/nothing]" in text
    assert "line 3: raise [red]" in text
    assert "[red]title" in text


def test_a_wrong_term_shows_what_was_expected() -> None:
    evidence = {
        "kind": "kd_loss",
        "call": "loss_fn_kd(student, labels, teacher)",
        "hard_term": {"agrees": True, "cases": 4, "failed": 0, "worst": None},
        "soft_term": {
            "agrees": False,
            "cases": 6,
            "failed": 6,
            "worst": {"alpha": 1.0, "temperature": 2.0, "expected": 1.5, "got": -0.123456789},
        },
    }
    text = printed(whole(question(evidence=evidence)))
    assert "soft term" in text
    assert "0 of 6" in text
    assert "-0.123457" in text


def test_a_right_loss_needs_no_table() -> None:
    term = {"agrees": True, "cases": 4, "failed": 0, "worst": None}
    evidence = {"kind": "kd_loss", "call": "f()", "hard_term": term, "soft_term": term}
    assert "cases" not in printed(whole(question(evidence=evidence)))


def test_a_verdict_is_printed_once_and_then_what_is_new() -> None:
    stream = io.StringIO()
    verdicts = report.VerdictList(Console(file=stream, width=100, force_terminal=False), "Homework")
    verdicts.add(question())
    verdicts.add(question())
    later = {"id": "kd.more", "text": "A curve was measured."}
    changed = question(messages=[*question()["messages"], later])
    verdicts.add(changed)
    verdicts.close({**whole(changed), "quick": False})
    text = stream.getvalue()
    assert [line.split()[0] for line in text.splitlines() if " / " in line] == ["2.1", "2.1", "Total"]
    assert text.count("term is wrong") == text.count("A curve was measured.") == 1
