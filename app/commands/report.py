"""Prints a report as the contract describes it, with rich: the same for `assay grade` and `assay submit`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from grader import messages

_STYLES = {
    "full": "green",
    "partial": "yellow",
    "none": "red",
    "needs_review": "cyan",
    "not_submitted": "dim",
    "pending": "dim",
    "fault": "magenta",
    "withheld": "dim",
    "unverified": "cyan",
}
_UNVERIFIED = frozenset({"model.verifying", "summary.count_pending"})
"""Messages of verdicts that wait for a confirmation, which `assay grade --quick` leaves out."""
_QUICK = (
    "--quick left out the confirmation of the model on its exported copy and the measured curve. "
    "Grade without --quick before you rely on this."
)
_LABELS = {
    "needs_review": "waiting for review",
    "partial": "partial credit",
    "not_submitted": "not submitted",
    "withheld": "result follows",
}
"""Words for verdicts whose name is no word, the same as on the pages."""


def points(value: float) -> str:
    """Points as people write them: ``4``, ``0.5``, ``3.75``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


class LiveStatus:
    """The line beside a spinner: the points of the questions so far, and the current stage."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._stage = ""
        self._points: dict[str, str] = {}

    def progress(self, stage: str, done: int, total: int) -> None:
        """A stage of the grading has ``done`` of ``total`` steps behind it; ``total`` 0 when nothing can be counted."""
        self._stage = f"{stage} {done}/{total}" if total else stage
        self._update()

    def question(self, question: Mapping[str, Any]) -> None:
        """Show the points of a question."""
        self._points[question["number"]] = _out_of(question["score"], question["max_score"])
        self._update()

    def _update(self) -> None:
        parts = [f"{number}: {points}" for number, points in sorted(self._points.items())]
        self._status.update(Text("  ".join([*parts, self._stage])))


class VerdictList:
    """Prints questions in the order in which their verdicts come, and later only what is new of one."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._printed: dict[str, dict[str, Any]] = {}
        console.print(Text(title, style="bold"))
        console.print()

    def add(self, question: Mapping[str, Any]) -> None:
        """Print a question; one that was printed before only if it has changed, with its new messages alone."""
        line = {name: question[name] for name in ("verdict", "score")}
        before = self._printed.get(question["number"])
        if before is None:
            _show_question(self._console, question)
            self._printed[question["number"]] = {**line, "messages": question["messages"]}
            return
        messages = [message for message in question["messages"] if message not in before["messages"]]
        if messages or not line.items() <= before.items():
            _show_question(self._console, {**question, "messages": messages, "evidence": None})
            self._printed[question["number"]] = {**line, "messages": [*before["messages"], *messages]}

    def has(self, number: str) -> bool:
        """Whether the question was printed."""
        return number in self._printed

    def close(self, report: Mapping[str, Any]) -> None:
        """Print what is left, and the sum."""
        for question in report["questions"]:
            self.add(question)
        self._console.print()
        self._console.print(_heading("Total, unverified" if report["quick"] else "Total", report))
        if report["quick"]:
            self._console.print(Text(_QUICK))


def emit(report: Mapping[str, Any], as_json: bool) -> None:
    """Print the report on stdout, for people or for programs."""
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2))  # noqa: T201 - the command's output
    else:
        show(Console(), report)


def show(console: Console, report: Mapping[str, Any]) -> None:
    """Print the whole report. Everything that came from a student is shown as text, never as markup."""
    console.print(_heading(report.get("title") or report["assignment"], report))
    console.print()
    for question in report["questions"]:
        _show_question(console, question)


def _show_question(console: Console, question: Mapping[str, Any]) -> None:
    console.print(_question_line(question))
    for message in question["messages"]:
        console.print(Padding(Text(message["text"]), (0, 0, 0, 6)))
    for extra in _extras(question):
        console.print(Padding(extra, (0, 0, 0, 6)))


def _heading(title: str, report: Mapping[str, Any]) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    total = _out_of(report["score"], report["max_score"]) + (" so far" if report.get("withheld") else "")
    grid.add_row(Text(title, style="bold"), Text(total, style="bold"))
    return grid


def _question_line(question: Mapping[str, Any]) -> RenderableType:
    """Number, title, verdict and points of one question on one line."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(width=5)
    grid.add_column(ratio=1)
    grid.add_column(justify="right")
    grid.add_column(justify="right", width=12)
    is_unverified = any(message["id"] in _UNVERIFIED for message in question["messages"])
    verdict = "unverified" if is_unverified else question["verdict"]
    grid.add_row(
        Text(question["number"], style="bold"),
        Text(question["title"]),
        Text(_LABELS.get(verdict, verdict), style=_STYLES.get(verdict, "")),
        Text(_out_of(question["score"], question["max_score"])),
    )
    return grid


def _out_of(score: float | None, max_score: float) -> str:
    return f"{'-' if score is None else points(score)} / {points(max_score)}"


def _extras(question: Mapping[str, Any]) -> Iterator[RenderableType]:
    evidence = question.get("evidence") or {}
    error = evidence.get("error")
    if error:
        if error.get("line") and error.get("source"):
            place = messages.place(error["line"], error.get("cell"), messages.LANGUAGES[0])
            yield Text(f"{place}: {error['source'].strip()}", style="red")
        yield Text(f"{error['type']}: {error['message']}", style="red")
    if evidence.get("call"):
        yield from _terms(evidence)


def _terms(evidence: Mapping[str, Any]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("term", "cases", "alpha", "T"):
        table.add_column(heading)
    table.add_column("expected", justify="right")
    table.add_column("got", justify="right")
    wrong = False
    for name in ("hard_term", "soft_term", "mixture", "gradient"):
        term = evidence.get(name) or {}
        worst = term.get("worst") or {}
        if not term.get("cases") or (term["agrees"] and not worst):
            continue
        wrong = wrong or not term["agrees"]
        table.add_row(
            Text(name.replace("_", " "), style="green" if term["agrees"] else "red"),
            f"{term['cases'] - term['failed']} of {term['cases']}",
            *(Text(_number(worst.get(key))) for key in ("alpha", "temperature", "expected", "got")),
        )
    if wrong:
        yield table


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else "-" if value is None else str(value)
