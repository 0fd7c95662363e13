"""Removes harmless traces of copying: fences, prompts, line numbers, magics, tabs, a common margin.

Every step keeps the number of lines, except for a text that was pasted twice or that lost its line breaks. The steps
run only on text that does not parse, so a valid program passes untouched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.evidence import Observation
from grader.intake import characters, markup, slips, syntax
from grader.intake.facts import IntakeFact
from grader.intake.lexing import logical_lines
from grader.intake.result import DropKind, DroppedPiece, note_on_pieces

_FENCE = re.compile(r"\s*(?:```+|~~~+)(?:\s*[\w.{}+=!-]++)?\s*$")
_CODE_BESIDE_FENCE = re.compile(
    r"(.*[^`\s])[ \t]*```+[ \t]*$|[ \t]*```+(?=[ \t]*(?:def|class|import|from|@|#)[\s\w])(.*)"
)
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.)(?: |$)")
_IN_PROMPT = re.compile(r"\s*In\s*\[[\d *]*\]:? ?")
_CONTINUATION_PROMPT = re.compile(r"\s*\.{3,}: ?")
_OUT_PROMPT = re.compile(r"\s*Out\s*\[\d*\]:")
_LINE_NUMBER = re.compile(r"\s*(\d{1,5})(?:[.:]|[ \t]*[|│┃])?(?:[ \t]|$)")
_MAGIC = re.compile(r"(\s*)(?:%|!|\?|[A-Za-z_][\w.]*\s*=\s*[!%]|[A-Za-z_][\w.]*\?\??\s*$)")
_DEFINITION = re.compile(r"\s*(?:def|class|import|from)\s")
_CODE_START = re.compile(r"\s*(?:def |class |import \w|from [\w.]+ import|@\w|#)")
_BLOCK_START = re.compile(r"\s*(?:try|if|for|while|with)\b.*:\s*(?:#.*)?$")
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun|python3?|writefile\s+\S+\.py)\b")


@dataclass(frozen=True)
class CleanText:
    """A text after a step, the pieces that the step dropped, and its notes for the student."""

    text: str
    dropped_pieces: tuple[DroppedPiece, ...] = ()
    notes: tuple[Observation, ...] = ()


def clean(text: str) -> CleanText:
    """Apply every step that changes the text."""
    dropped_pieces: list[DroppedPiece] = []
    notes: list[Observation] = []
    for step in _STEPS:
        cleaned = step(text)
        if cleaned is not None:
            text = cleaned.text
            dropped_pieces += cleaned.dropped_pieces
            notes += cleaned.notes
    return CleanText(text, tuple(dropped_pieces), tuple(notes))


def _with_note(text: str | None, note_id: IntakeFact, **params: str | int) -> CleanText | None:
    return None if text is None else CleanText(text, (), (Observation(id=note_id, params=params),))


def _fences(text: str) -> CleanText | None:
    lines = text.split("\n")
    beside_fence = {number: match for number, line in enumerate(lines) if (match := _CODE_BESIDE_FENCE.fullmatch(line))}
    for number, match in beside_fence.items():
        lines[number] = match[1] or match[2]
    fences = [number for number, line in enumerate(lines) if _FENCE.match(line)]
    if beside_fence and len(fences) < 2:
        for number in fences:
            lines[number] = ""
        return _with_note("\n".join(lines), IntakeFact.FENCES, line=min([*beside_fence, *fences]) + 1)
    if not fences:
        return None
    dropped_pieces: list[DroppedPiece] = []
    code_lines = _fenced_lines(lines, fences)
    for number, line in enumerate(lines):
        if number in code_lines:
            continue
        if line.strip() and number not in fences:
            dropped_pieces.append(DroppedPiece.at(number, DropKind.PROSE, line))
        lines[number] = ""
    return CleanText(
        "\n".join(lines), tuple(dropped_pieces), (Observation(id=IntakeFact.FENCES, params={"line": fences[0] + 1}),)
    )


def _fenced_lines(lines: list[str], fences: list[int]) -> set[int]:
    """The lines of code: those between the fences, or all where the fences only separate pieces of code."""
    fenced: set[int] = set()
    for first, last in zip(fences[::2], [*fences[1::2], len(lines)], strict=False):
        fenced.update(range(first + 1, last))
    all_lines = set(range(len(lines))) - set(fences)
    has_code_outside = any(_DEFINITION.match(lines[number]) for number in all_lines - fenced)
    return all_lines if has_code_outside else fenced


def _characters(text: str) -> CleanText | None:
    straight, signs = characters.straighten(text)
    if straight == text:
        return None
    return (
        _with_note(straight, IntakeFact.CHARACTERS, count=signs) if signs else _with_note(straight, IntakeFact.SPACES)
    )


def _prompts(text: str) -> CleanText | None:
    """Remove the prompts of a Python session or a notebook, and drop the output between them."""
    lines = text.split("\n")
    is_session = any(line.lstrip().startswith(">>> ") for line in lines)
    if not is_session and not any(_IN_PROMPT.match(line) for line in lines):
        return None
    dropped_pieces: list[DroppedPiece] = []
    is_output = False
    for number, line in enumerate(lines):
        prompt = (_PROMPT if is_session else _IN_PROMPT).match(line)
        if is_session or prompt or _OUT_PROMPT.match(line):
            is_output = prompt is None
        prompt = prompt or (None if is_session else _CONTINUATION_PROMPT.match(line))
        if is_output and line.strip():
            dropped_pieces.append(DroppedPiece.at(number, DropKind.OUTPUT, line))
            lines[number] = ""
        elif prompt:
            lines[number] = line[prompt.end() :]
    return CleanText("\n".join(lines), tuple(dropped_pieces), (Observation(id=IntakeFact.PROMPTS),))


def _line_numbers(text: str) -> CleanText | None:
    """Remove numbers only where they count all lines that hold text, without a gap."""
    numbered_apart = markup.without_numbers_between(text)
    if numbered_apart is not None:
        return _with_note(numbered_apart, IntakeFact.LINE_NUMBERS)
    lines = text.split("\n")
    matches = [_LINE_NUMBER.match(line) for line in lines if line.strip()]
    numbers = [int(match[1]) for match in matches if match is not None]
    if len(numbers) < max(len(matches), 2) or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return None
    stripped = [line[match.end() :] if (match := _LINE_NUMBER.match(line)) else line for line in lines]
    return _with_note("\n".join(stripped), IntakeFact.LINE_NUMBERS)


def _magics(text: str) -> CleanText | None:
    """Drop statements that begin with IPython's ``%``, ``!`` or ``?``; no Python statement does."""
    lines = text.split("\n")
    dropped_pieces: list[DroppedPiece] = []
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _PYTHON_CELL.match(first):
        return CleanText("\n" * text.count("\n"), (DroppedPiece.at(lines.index(first), DropKind.MAGIC, first),))
    for logical in logical_lines(text):
        match = _MAGIC.match(lines[logical.first])
        if match is None:
            continue
        dropped_pieces.append(DroppedPiece.at(logical.first, DropKind.MAGIC, lines[logical.first]))
        lines[logical.first] = match[1] + "pass" if match[1] else ""
        for number in range(logical.first + 1, logical.last + 1):
            lines[number] = ""
    return CleanText("\n".join(lines), tuple(dropped_pieces)) if dropped_pieces else None


def _heading(text: str) -> CleanText | None:
    """Drop the words above the first definition or import: a title, the question, an instruction."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if _CODE_START.match(line) or _opens_block(line)), 0)
    above = "\n".join(lines[:start])
    if any(slips.with_first_word_corrected(line) != line for line in lines[max(start - 1, 0) : start]):
        return None
    if not above.strip() or "=" in above or syntax.is_readable(above):
        return None
    dropped_pieces = [DroppedPiece.at(n, DropKind.PROSE, line) for n, line in enumerate(lines[:start]) if line.strip()]
    lines[:start] = [""] * start
    return CleanText("\n".join(lines), tuple(dropped_pieces), (note_on_pieces(IntakeFact.PROSE, dropped_pieces),))


def _opens_block(line: str) -> bool:
    """Whether a line is a header such as ``try:`` or ``if not found:``, not words that end in a colon."""
    if _BLOCK_START.match(line) is None:
        return False
    clause = "finally: pass" if line.strip().startswith("try") else ""
    return syntax.is_readable(f"{line.strip()}\n    pass\n{clause}")


def _tabs(text: str) -> CleanText | None:
    """Expand tabs where other lines use spaces: to four columns, or to eight where only that parses."""
    lines = text.split("\n")
    margins = [line[: len(line) - len(line.lstrip())] for line in lines]
    if not any("\t" in margin for margin in margins) or not any(" " in margin for margin in margins):
        return None
    four, eight = (
        "\n".join(margin.expandtabs(width) + line.lstrip() for margin, line in zip(margins, lines, strict=True))
        for width in (4, 8)
    )
    only_eight = syntax.is_readable(eight) and not syntax.is_readable(four)
    return _with_note(eight if only_eight else four, IntakeFact.TABS, columns=8 if only_eight else 4)


def _margin(text: str) -> CleanText | None:
    """Remove the margin of all statements, or of all but the first where the selection began behind its margin."""
    indents = [line.indent for line in logical_lines(text) if line.tokens]
    margin = min(indents, default=0)
    if margin:
        return _with_note(_dedented(text, margin), IntakeFact.MARGIN)
    margin = min(indents[1:], default=0)
    dedented = _dedented(text, margin)
    return _with_note(dedented, IntakeFact.MARGIN) if margin and syntax.is_readable(dedented) else None


def _dedented(text: str, margin: int) -> str:
    return "\n".join(line[min(margin, len(line) - len(line.lstrip(" \t"))) :] for line in text.split("\n"))


_Step = Callable[[str], CleanText | None]


def _markup_step(change: Callable[[str], str | None], note_id: IntakeFact, **params: str) -> _Step:
    return lambda text: _with_note(change(text), note_id, **params)


_STEPS: tuple[_Step, ...] = (
    _markup_step(markup.with_line_breaks, IntakeFact.SPACES),
    _markup_step(markup.without_colours, IntakeFact.SPACES),
    _markup_step(markup.once, IntakeFact.TWICE),
    _markup_step(markup.without_quote_marks, IntakeFact.QUOTED, mark=">"),
    _markup_step(markup.without_difference, IntakeFact.QUOTED, mark="+"),
    _markup_step(markup.without_html, IntakeFact.HTML),
    _fences,
    _markup_step(markup.without_markdown, IntakeFact.MARKDOWN),
    _characters,
    _prompts,
    _line_numbers,
    _magics,
    _heading,
    _tabs,
    _margin,
)
