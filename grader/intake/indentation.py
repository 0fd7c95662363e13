"""Restores lost and uneven indentation where the text has only one reading."""

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
    """An open block: the margin of its first line, its depth, and the first word of its last statement."""

    width: int
    depth: int
    last_word: str = ""
    is_class: bool = False


def is_flat(text: str) -> bool:
    """Whether every line stands at the margin although some open a block."""
    lines = [line for line in logical_lines(text) if line.tokens]
    return all(line.indent == 0 for line in lines) and any(line.opens_block for line in lines[:-1])


def restore(text: str) -> str | None:
    """The text with regular indentation, or ``None`` where more than one reading is possible."""
    lines = [line for line in logical_lines(text) if line.tokens]
    depths = _flat_depths(lines) if is_flat(text) else _uneven_depths(lines)
    if depths is None:
        return None
    physical = text.split("\n")
    for line, depth in zip(lines, depths, strict=True):
        physical[line.first] = " " * (_STEP * depth) + physical[line.first].lstrip()
    return "\n".join(physical)


def _uneven_depths(lines: list[LogicalLine]) -> list[int] | None:
    """Depths for margins that are a few columns off: each line belongs to the nearest open block."""
    blocks = [_Block(0, 0)]
    depths: list[int] = []
    header: LogicalLine | None = None
    for line in lines:
        if header is not None:
            is_class = header.word == "class"
            if line.indent > header.indent:
                blocks.append(_Block(line.indent, blocks[-1].depth + 1, is_class=is_class))
            elif is_class and _is_stray_method(line):
                # The whole class lost its margin; no line has a width of -1.
                blocks.append(_Block(-1, blocks[-1].depth + 1, is_class=True))
            else:
                return None
        elif _is_stray_method(line) and (owner := _last_class(blocks)) is not None:
            del blocks[owner + 1 :]
        else:
            del blocks[_nearest(blocks, line) + 1 :]
        block = blocks[-1]
        block.last_word = _first_word(line)
        depths.append(block.depth)
        header = line if line.opens_block else None
    return depths


def _first_word(line: LogicalLine) -> str:
    return line.tokens[1].text if line.word == "async" and len(line.tokens) > 1 else line.word


def _nearest(blocks: list[_Block], line: LogicalLine) -> int:
    """The open block with the closest width; for a clause, of those whose last statement it can follow."""
    indices = range(len(blocks))
    predecessors = _CLAUSES.get(line.word, frozenset())
    candidates = [index for index in indices if blocks[index].last_word in predecessors] or indices
    return min(candidates, key=lambda index: (abs(blocks[index].width - line.indent), -index))


def _is_stray_method(line: LogicalLine) -> bool:
    """Whether a line is a method's header at the left margin, as after a page break."""
    words = [token.text for token in line.tokens[:4]]
    return line.indent == 0 and len(words) == 4 and words[0] == "def" and words[2] == "(" and words[3] == "self"


def _last_class(blocks: list[_Block]) -> int | None:
    return next((index for index in range(len(blocks) - 1, -1, -1) if blocks[index].is_class), None)


def _flat_depths(lines: list[LogicalLine]) -> list[int] | None:
    """Depths of a text whose every line stands at the margin.

    Headers show classes, methods and functions. Inside a function, the body of a compound statement has one reading if
    it is one statement, or ends with one that leaves the block (``return``, ``raise``, ...).
    """
    depths: list[int] = []
    in_class = False
    body: int | None = None  # the depth of the open function's statements
    inner: list[str] = []  # the headers of the open compound statements inside it
    needs_statement = False  # whether the line before opened a block
    definitions = _without_decorators(lines)
    for position, line in enumerate(lines):
        word = _first_word(line)
        if word == "@":
            line = definitions[position]
            word = _first_word(line)
        if word in {"class", "def"}:
            if needs_statement and inner:
                return None
            is_method = word == "def" and in_class and _is_stray_method(line)
            in_class = word == "class" or is_method
            depths.append(1 if is_method else 0)
            body = (2 if is_method else 1) if word == "def" else None
            inner, needs_statement = [], lines[position].opens_block and word == "def"
            continue
        if body is None:
            if in_class and line.opens_block:
                return None
            depths.append(1 if in_class else 0)
            continue
        if word in _CLAUSES:
            while inner and inner[-1] not in _CLAUSES[word]:
                inner.pop()
            if not inner or needs_statement:
                return None
            inner.pop()
        elif inner and not needs_statement:
            return None
        depths.append(body + len(inner))
        needs_statement = line.opens_block
        if needs_statement:
            inner.append(word)
        elif word in _ENDS_BLOCK:
            if not inner:
                body, in_class = (None, in_class) if word == "return" else (body, in_class)
            else:
                inner = _after_exit(inner, lines, position)
        elif inner and not _followed_by_clause(lines, position):
            # The next statement could belong to the block too, except a return that ends the function: inside the
            # block, the function would return a value only sometimes.
            if not _ends_function(lines, position + 1) and not _is_last_return(lines, position + 1):
                return None
            inner = []
    return depths


def _after_exit(inner: list[str], lines: list[LogicalLine], position: int) -> list[str]:
    """The open blocks after ``return`` or a like statement: the innermost ends unless a clause follows."""
    return inner if _followed_by_clause(lines, position) else inner[:-1]


def _followed_by_clause(lines: list[LogicalLine], position: int) -> bool:
    return position + 1 < len(lines) and lines[position + 1].word in _CLAUSES


def _ends_function(lines: list[LogicalLine], position: int) -> bool:
    return position >= len(lines) or _first_word(lines[position]) in {"class", "def", "@"}


def _is_last_return(lines: list[LogicalLine], position: int) -> bool:
    return position < len(lines) and lines[position].word == "return" and _ends_function(lines, position + 1)


def _without_decorators(lines: list[LogicalLine]) -> list[LogicalLine]:
    """For each line, itself or, for a decorator, the first line after it that is none, if any."""
    result = list(lines)
    following: LogicalLine | None = None
    for position in range(len(lines) - 1, -1, -1):
        following = following if lines[position].word == "@" else lines[position]
        result[position] = following or lines[position]
    return result
