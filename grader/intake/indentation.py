"""Lost and uneven indentation, put back where the text leaves one reading only."""

from __future__ import annotations

from dataclasses import dataclass

from grader.intake.lexing import LogicalLine, logical_lines

_CLAUSES = {
    "else": frozenset({"if", "elif", "for", "while", "try", "except"}),
    "elif": frozenset({"if", "elif"}),
    "except": frozenset({"try", "except"}),
    "finally": frozenset({"try", "except", "else"}),
}
_ENDS_BLOCK = frozenset({"return", "raise", "break", "continue", "pass"})
_STEP = 4


@dataclass
class _Block:
    """An open block: the width its lines showed, its depth, and the words its last statement began with."""

    width: int
    depth: int
    last: str = ""
    is_class: bool = False


def is_flat(text: str) -> bool:
    """Whether every line stands at the margin although some of them open a block."""
    lines = [line for line in logical_lines(text) if line.tokens]
    return all(line.indent == 0 for line in lines) and any(line.opens_block for line in lines[:-1])


def restore(text: str) -> str | None:
    """The text with regular indentation, or ``None`` when more than one reading is possible."""
    lines = [line for line in logical_lines(text) if line.tokens]
    depths = _flat_depths(lines) if is_flat(text) else _uneven_depths(lines)
    if depths is None:
        return None
    physical = text.split("\n")
    for line, depth in zip(lines, depths, strict=True):
        physical[line.first] = " " * (_STEP * depth) + physical[line.first].lstrip()
    return "\n".join(physical)


def _uneven_depths(lines: list[LogicalLine]) -> list[int] | None:
    """Depths from widths that are off by a little: each line goes to the nearest open block."""
    blocks = [_Block(0, 0)]
    depths: list[int] = []
    header: LogicalLine | None = None
    for line in lines:
        if header is not None:
            is_class = header.word == "class"
            if line.indent > header.indent:
                blocks.append(_Block(line.indent, blocks[-1].depth + 1, is_class=is_class))
            elif is_class and _is_stray_method(line):
                # Nothing of this class kept its margin; the width is one that no line has.
                blocks.append(_Block(-1, blocks[-1].depth + 1, is_class=True))
            else:
                return None
        elif _is_stray_method(line) and (owner := _last_class(blocks)) is not None:
            del blocks[owner + 1 :]
        else:
            del blocks[_nearest(blocks, line) + 1 :]
        block = blocks[-1]
        block.last = _head(line)
        depths.append(block.depth)
        header = line if line.opens_block else None
    return depths


def _head(line: LogicalLine) -> str:
    return line.tokens[1].text if line.word == "async" and len(line.tokens) > 1 else line.word


def _nearest(blocks: list[_Block], line: LogicalLine) -> int:
    """The open block whose width is closest; a clause looks only at blocks with a statement that it can follow."""
    allowed = range(len(blocks))
    if line.word in _CLAUSES:
        fitting = [index for index in allowed if blocks[index].last in _CLAUSES[line.word]]
        if fitting:
            return min(fitting, key=lambda index: (abs(blocks[index].width - line.indent), -index))
    return min(allowed, key=lambda index: (abs(blocks[index].width - line.indent), -index))


def _is_stray_method(line: LogicalLine) -> bool:
    """A method's header at the left margin, as after a page break."""
    words = [token.text for token in line.tokens[:4]]
    return line.indent == 0 and len(words) == 4 and words[0] == "def" and words[2] == "(" and words[3] == "self"


def _last_class(blocks: list[_Block]) -> int | None:
    return next((index for index in range(len(blocks) - 1, -1, -1) if blocks[index].is_class), None)


def _flat_depths(lines: list[LogicalLine]) -> list[int] | None:
    """Depths of a text whose every line stands at the margin.

    Classes, methods and functions are known by their headers. Inside a function a compound statement may hold one
    statement, or end with one that leaves the block (``return``, ``raise``, ...): anything else could be read twice.
    """
    depths: list[int] = []
    in_class = False
    body: int | None = None  # depth of the open function's statements
    inner: list[str] = []  # headers of the compound statements open inside it
    fresh = False  # the line before opened a block that still needs its statement
    decorated = _decorated(lines)
    for position, line in enumerate(lines):
        word = _head(line)
        if word == "@":
            line = decorated[position]
            word = _head(line)
        if word in {"class", "def"}:
            if fresh and inner:
                return None
            method = word == "def" and in_class and _is_stray_method(line)
            in_class = word == "class" or method
            depths.append(1 if method else 0)
            body = (2 if method else 1) if word == "def" else None
            inner, fresh = [], lines[position].opens_block and word == "def"
            continue
        if body is None:
            if in_class and line.opens_block:
                return None
            depths.append(1 if in_class else 0)
            continue
        if word in _CLAUSES:
            while inner and inner[-1] not in _CLAUSES[word]:
                inner.pop()
            if not inner or fresh:
                return None
            inner.pop()
        elif inner and not fresh:
            return None
        depths.append(body + len(inner))
        fresh = line.opens_block
        if fresh:
            inner.append(word)
        elif word in _ENDS_BLOCK:
            if not inner:
                body, in_class = (None, in_class) if word == "return" else (body, in_class)
            else:
                inner = _after_exit(inner, lines, position)
        elif inner and not _followed_by_clause(lines, position):
            # One plain statement in the block: what follows, if anything, could belong to it, except the return that
            # ends the function: inside the block, the function would answer only now and then.
            if not _ends_function(lines, position + 1) and not _is_last_return(lines, position + 1):
                return None
            inner = []
    return depths


def _after_exit(inner: list[str], lines: list[LogicalLine], position: int) -> list[str]:
    """After ``return`` and its kin the innermost block is over, unless a clause still follows it."""
    return inner if _followed_by_clause(lines, position) else inner[:-1]


def _followed_by_clause(lines: list[LogicalLine], position: int) -> bool:
    return position + 1 < len(lines) and lines[position + 1].word in _CLAUSES


def _ends_function(lines: list[LogicalLine], position: int) -> bool:
    return position >= len(lines) or _head(lines[position]) in {"class", "def", "@"}


def _is_last_return(lines: list[LogicalLine], position: int) -> bool:
    return position < len(lines) and lines[position].word == "return" and _ends_function(lines, position + 1)


def _decorated(lines: list[LogicalLine]) -> list[LogicalLine]:
    """For each line the first one from there on that is no decorator; the line itself where none follows."""
    found = list(lines)
    following: LogicalLine | None = None
    for position in range(len(lines) - 1, -1, -1):
        following = following if lines[position].word == "@" else lines[position]
        found[position] = following or lines[position]
    return found
