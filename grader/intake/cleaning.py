"""Harmless traces of copying: fences, prompts, line numbers, magics, tabs, a common margin.

Every step keeps the number of lines (except for a text that came twice, or without line breaks). The steps run only on
text that does not parse as it stands, so a valid program passes untouched.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.evidence import Note
from grader.intake import characters, markup, syntax
from grader.intake.lexing import logical_lines
from grader.intake.result import DropKind, DroppedPiece

_FENCE = re.compile(r"\s*(?:```+|~~~+)(?:\s*[\w.{}+=!-]++)?\s*$")
_GLUED = re.compile(r"(.*[^`\s])[ \t]*```+[ \t]*$|[ \t]*```+(?=[ \t]*(?:def|class|import|from|@|#)[\s\w])(.*)")
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.)(?: |$)")
_IN_PROMPT = re.compile(r"\s*In\s*\[[\d *]*\]:? ?")
_CONTINUED = re.compile(r"\s*\.{3,}: ?")
_OUT_PROMPT = re.compile(r"\s*Out\s*\[\d*\]:")
_NUMBERED = re.compile(r"\s*(\d{1,5})(?:[.:]|[ \t]*[|│┃])?(?:[ \t]|$)")
_MAGIC = re.compile(r"(\s*)(?:%|!|\?|[A-Za-z_][\w.]*\s*=\s*[!%]|[A-Za-z_][\w.]*\?\??\s*$)")
_CODE_START = re.compile(r"\s*(?:def |class |import \w|from [\w.]+ import|@\w|#)")
_BLOCK_START = re.compile(r"\s*(?:try|if|for|while|with)\b.*:\s*(?:#.*)?$")
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun|python3?|writefile\s+\S+\.py)\b")


@dataclass(frozen=True)
class Cleaned:
    """Text without its harmless damage, what was left out on the way, and what to tell the student."""

    text: str
    dropped: tuple[DroppedPiece, ...] = ()
    notes: tuple[Note, ...] = ()


def clean(text: str) -> Cleaned:
    """Apply every step that finds something to do."""
    dropped: list[DroppedPiece] = []
    notes: list[Note] = []
    for step in _STEPS:
        cleaned = step(text)
        if cleaned is not None:
            text = cleaned.text
            dropped += cleaned.dropped
            notes += cleaned.notes
    return Cleaned(text, tuple(dropped), tuple(notes))


def _fences(text: str) -> Cleaned | None:
    lines = text.split("\n")
    glued = {number: found for number, line in enumerate(lines) if (found := _GLUED.fullmatch(line))}
    for number, found in glued.items():
        lines[number] = found[1] or found[2]
    fences = [number for number, line in enumerate(lines) if _FENCE.match(line)]
    if glued and len(fences) < 2:
        for number in fences:
            lines[number] = ""
        return Cleaned("\n".join(lines), (), (Note(id="intake.fences", params={"line": min([*glued, *fences]) + 1}),))
    if not fences:
        return None
    dropped: list[DroppedPiece] = []
    inside = _inside(lines, fences)
    for number, line in enumerate(lines):
        if number in inside:
            continue
        if line.strip() and number not in fences:
            dropped.append(DroppedPiece(number + 1, DropKind.PROSE, line.strip()[:120]))
        lines[number] = ""
    return Cleaned("\n".join(lines), tuple(dropped), (Note(id="intake.fences", params={"line": fences[0] + 1}),))


def _inside(lines: list[str], fences: list[int]) -> set[int]:
    """The lines of code: between the fences, unless the fences only separate pieces of it."""
    between: set[int] = set()
    for first, last in zip(fences[::2], [*fences[1::2], len(lines)], strict=False):
        between.update(range(first + 1, last))
    everything = set(range(len(lines))) - set(fences)
    code = re.compile(r"\s*(?:def|class|import|from)\s")
    if any(code.match(lines[number]) for number in everything - between):
        return everything
    return between


def _characters(text: str) -> Cleaned | None:
    straight, signs = characters.straighten(text)
    if straight == text:
        return None
    notes = (Note(id="intake.characters", params={"count": signs}),) if signs else (Note(id="intake.spaces"),)
    return Cleaned(straight, (), notes)


def _prompts(text: str) -> Cleaned | None:
    lines = text.split("\n")
    if any(line.lstrip().startswith(">>> ") for line in lines):
        return _python_prompts(lines)
    if any(_IN_PROMPT.match(line) for line in lines):
        return _notebook_prompts(lines)
    return None


def _python_prompts(lines: list[str]) -> Cleaned:
    """An interpreter session: lines without a prompt are what it printed."""
    dropped: list[DroppedPiece] = []
    for number, line in enumerate(lines):
        prompt = _PROMPT.match(line)
        if prompt:
            lines[number] = line[prompt.end() :]
        elif line.strip():
            dropped.append(DroppedPiece(number + 1, DropKind.OUTPUT, line.strip()[:120]))
            lines[number] = ""
    return Cleaned("\n".join(lines), tuple(dropped), (Note(id="intake.prompts"),))


def _notebook_prompts(lines: list[str]) -> Cleaned:
    dropped: list[DroppedPiece] = []
    printed = False
    for number, line in enumerate(lines):
        prompt = _IN_PROMPT.match(line)
        if prompt or _OUT_PROMPT.match(line):
            printed = prompt is None
        prompt = prompt or _CONTINUED.match(line)
        if printed and line.strip():
            dropped.append(DroppedPiece(number + 1, DropKind.OUTPUT, line.strip()[:120]))
            lines[number] = ""
        elif prompt:
            lines[number] = line[prompt.end() :]
    return Cleaned("\n".join(lines), tuple(dropped), (Note(id="intake.prompts"),))


def _line_breaks(text: str) -> Cleaned | None:
    return _told(markup.with_line_breaks(text), "intake.spaces")


def _once(text: str) -> Cleaned | None:
    return _told(markup.once(text), "intake.twice")


def _colours(text: str) -> Cleaned | None:
    return _told(markup.without_colours(text), "intake.spaces")


def _quote_marks(text: str) -> Cleaned | None:
    return _told(markup.without_quote_marks(text), "intake.quoted", mark=">")


def _difference(text: str) -> Cleaned | None:
    return _told(markup.without_difference(text), "intake.quoted", mark="+")


def _html(text: str) -> Cleaned | None:
    return _told(markup.without_html(text), "intake.html")


def _markdown(text: str) -> Cleaned | None:
    return _told(markup.without_markdown(text), "intake.markdown")


def _told(text: str | None, note: str, **params: str) -> Cleaned | None:
    return None if text is None else Cleaned(text, (), (Note(id=note, params=params),))


def _line_numbers(text: str) -> Cleaned | None:
    """Strip numbers only when every line that holds text begins with the next one, or follows one."""
    between = markup.without_numbers_between(text)
    if between is not None:
        return _told(between, "intake.line_numbers")
    lines = text.split("\n")
    expected: int | None = None
    numbered = 0
    for line in lines:
        if not line.strip():
            expected = None if expected is None else expected
            continue
        match = _NUMBERED.match(line)
        if match is None or (expected is not None and int(match[1]) != expected):
            return None
        expected = int(match[1]) + 1
        numbered += 1
    if numbered < 2:
        return None
    stripped = [line[number.end() :] if (number := _NUMBERED.match(line)) else line for line in lines]
    return Cleaned("\n".join(stripped), (), (Note(id="intake.line_numbers"),))


def _magics(text: str) -> Cleaned | None:
    """IPython's ``%``, ``!`` and ``?`` where a statement begins; Python has no statement that does."""
    lines = text.split("\n")
    dropped: list[DroppedPiece] = []
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _PYTHON_CELL.match(first):
        return Cleaned("\n" * text.count("\n"), (DroppedPiece(lines.index(first) + 1, DropKind.MAGIC, first[:120]),))
    for logical in logical_lines(text):
        match = _MAGIC.match(lines[logical.first])
        if match is None:
            continue
        dropped.append(DroppedPiece(logical.first + 1, DropKind.MAGIC, lines[logical.first].strip()[:120]))
        lines[logical.first] = match[1] + "pass" if match[1] else ""
        for number in range(logical.first + 1, logical.last + 1):
            lines[number] = ""
    return Cleaned("\n".join(lines), tuple(dropped)) if dropped else None


def _heading(text: str) -> Cleaned | None:
    """Words above the first definition or import: a title, the question, an instruction."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if _CODE_START.match(line) or _opens_block(line)), 0)
    above = "\n".join(lines[:start])
    if not above.strip() or "=" in above or isinstance(syntax.parse(above), ast.Module):
        return None
    dropped = tuple(
        DroppedPiece(number + 1, DropKind.PROSE, line.strip()[:120])
        for number, line in enumerate(lines[:start])
        if line.strip()
    )
    params = {"line": dropped[0].line, "text": dropped[0].text, "count": len(dropped)}
    lines[:start] = [""] * start
    return Cleaned("\n".join(lines), dropped, (Note(id="intake.prose", params=params),))


def _opens_block(line: str) -> bool:
    """``try:``, ``if not found:``; no words that end in a colon."""
    if _BLOCK_START.match(line) is None:
        return False
    clause = "finally: pass" if line.strip().startswith("try") else ""
    return isinstance(syntax.parse(f"{line.strip()}\n    pass\n{clause}"), ast.Module)


def _tabs(text: str) -> Cleaned | None:
    """Tabs in the indentation as four columns, or eight where only that gives a program, when spaces indent others."""
    lines = text.split("\n")
    margins = [line[: len(line) - len(line.lstrip())] for line in lines]
    if not any("\t" in margin for margin in margins) or not any(" " in margin for margin in margins):
        return None
    four, eight = (
        "\n".join(margin.expandtabs(width) + line.lstrip() for margin, line in zip(margins, lines, strict=True))
        for width in (4, 8)
    )
    only_eight = isinstance(syntax.parse(eight), ast.Module) and not isinstance(syntax.parse(four), ast.Module)
    params = {"columns": 8 if only_eight else 4}
    return Cleaned(eight if only_eight else four, (), (Note(id="intake.tabs", params=params),))


def _margin(text: str) -> Cleaned | None:
    """Remove the margin that all statements share, or all but the first: the selection began behind its margin."""
    starts = [line for line in logical_lines(text) if line.tokens]
    margin = min((line.indent for line in starts), default=0)
    if margin:
        return _told(_shifted(text, margin), "intake.margin")
    margin = min((line.indent for line in starts[1:]), default=0)
    shifted = _shifted(text, margin)
    return _told(shifted, "intake.margin") if margin and isinstance(syntax.parse(shifted), ast.Module) else None


def _shifted(text: str, margin: int) -> str:
    return "\n".join(line[min(margin, len(line) - len(line.lstrip(" \t"))) :] for line in text.split("\n"))


_STEPS: tuple[Callable[[str], Cleaned | None], ...] = (
    _line_breaks,
    _colours,
    _once,
    _quote_marks,
    _difference,
    _html,
    _fences,
    _markdown,
    _characters,
    _prompts,
    _line_numbers,
    _magics,
    _heading,
    _tabs,
    _margin,
)
