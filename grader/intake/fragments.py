"""A text of which some top-level statements cannot be read: the others, and what the broken ones may have done.

Python refuses a whole file for one missing colon. Statements begin at the left margin, so each is tried by itself, and
the broken ones are blanked. Whether a question can do without them is decided by the names that it needs.
"""

from __future__ import annotations

import ast
import bisect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from grader.evidence import StudentError
from grader.intake import effects, names, prose, syntax
from grader.intake.lexing import Kind, Token, logical_lines, tokens

Check = Callable[[str], StudentError | None]
_START = re.compile(r"(?!(?:else|elif|except|finally)\b.*:)[^\s#)\]}]")
_CELL = re.compile(r"# cell \d+$")
_CONFLICT = re.compile(r"(?:<{7}|\|{7}|={7}|>{7})(?:\s|$)")
_NEVER_INSIDE = re.compile(r"(?:def|class|import|while|with|try|return|async|del|global|raise|@)\b|# cell \d+$")
"""What begins a line inside no bracket."""
_BLOCKS = frozenset({"def", "class", "if", "for", "while", "with", "try", "async", "match", "@"})
_QUOTES = ('"""', "'''")
_ASSIGNS = re.compile(r"(?:[-+*/%@&|^]|\*\*|//|>>|<<)?=")
_BY_TEXT = frozenset({"setattr", "delattr", "globals", "vars", "exec", "eval", "__dict__"})


@dataclass(frozen=True)
class Broken:
    """A piece that cannot be read: its lines (from 0, the last one excluded), its text, and what Python says of it.

    ``unsettles``: lines after which the text may have been meant otherwise, as between the marks of a merge conflict.
    """

    first: int
    end: int
    text: str
    error: StudentError
    unsettles: range = range(0)

    @property
    def is_conflict(self) -> bool:
        """A mark that a merge left behind."""
        return _CONFLICT.match(self.text) is not None


@dataclass(frozen=True)
class Fragments:
    """The text with its broken pieces blanked, line by line where it was."""

    text: str
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class Losses:
    """What the broken pieces mean for one entry point: those that it needs, and those that may change what it needs."""

    needed: tuple[Broken, ...] = ()
    changing: tuple[tuple[Broken, tuple[str, ...]], ...] = ()
    idle: tuple[Broken, ...] = ()


def syntax_check(text: str) -> StudentError | None:
    """What Python's grammar has against a text."""
    parsed = syntax.parse(text)
    return parsed if isinstance(parsed, StudentError) else None


def split(text: str, check: Check) -> Fragments | None:
    """The pieces that pass the check, or ``None`` where all of them do or none does."""
    lines = text.split("\n")
    broken = _Reader(lines, check).broken()
    left = list(lines)
    for piece in broken:
        left[piece.first : piece.end] = [""] * (piece.end - piece.first)
    if not broken or not any(line.strip() and not line.startswith("#") for line in left):
        return None
    return Fragments("\n".join(left), tuple(broken))


@dataclass
class _Reader:
    """Tries piece after piece. A piece that fails is tried longer only as far as brackets and quotes leave it open."""

    lines: list[str]
    check: Check
    starts: list[int] = field(default_factory=list)
    patience: int = 0
    """Lines that may still be read in vain, so that the whole stays linear."""

    def broken(self) -> list[Broken]:
        self.starts = [*_starts(self.lines), len(self.lines)]
        self.patience = 4 * len(self.lines) + 1000
        found: list[Broken] = []
        position, before = 0, 0
        while position < len(self.starts) - 1:
            first, end = self.starts[position], self.starts[position + 1]
            error = self._error(first, end)
            after = position + 1
            if error is not None and (longer := self._longer(position)) is not None:
                error, after = None, longer
            if error is not None:
                found += self._pieces(before, first, end, error, found)
            before, position = first, after
        return list(_with_conflicts(found, self.lines))

    def _text(self, first: int, end: int) -> str:
        return "\n".join(self.lines[first:end])

    def _error(self, first: int, end: int) -> StudentError | None:
        return self.check(self._text(first, end))

    def _longer(self, position: int) -> int | None:
        """The start behind a statement that goes on past its first piece, where that makes it readable."""
        depth, quote = _left_open(self._text(self.starts[position], self.starts[position + 1]), 0)
        last = len(self.starts) - 1
        after = position + 1
        while (depth or quote) and after < last:
            begin = self.starts[after]
            if self.patience <= 0 or (depth and not quote and _NEVER_INSIDE.match(self.lines[begin])):
                return None
            text = self._text(begin, self.starts[after + 1])
            self.patience -= self.starts[after + 1] - begin
            after += 1
            if quote:
                _, closing, text = text.partition(quote)
                if not closing:
                    continue
            depth, quote = _left_open(text, depth)
        if depth or quote or after == position + 1:
            return None
        return after if self._error(self.starts[position], self.starts[after]) is None else None

    def _pieces(self, before: int, first: int, end: int, error: StudentError, found: list[Broken]) -> Iterator[Broken]:
        """The broken piece; without its first line where only what is indented under it is wrong."""
        piece = self._text(first, end)
        error = _moved(error, first)
        logical = [line for line in logical_lines(piece) if line.tokens]
        if not _opens_block(piece) and len(logical) > 1:
            # Code that is indented here may be the end of the block before, which is cut off then.
            cuts = any(prose.is_code_line(line) for line in logical[1:]) and not (found and found[-1].first == before)
            if cuts and _opens_block(previous := self._text(before, first)):
                yield Broken(before, first, previous, error)
            head = first + logical[0].last + 1
            first = head if self._error(first, head) is None else first
        is_text = bool(logical) and logical[0].tokens[0].kind is Kind.STRING and _left_open(piece, 0)[1] != ""
        # A long string that is never closed may have been meant to hold all that follows.
        yield Broken(first, end, self._text(first, end), error, range(end, len(self.lines)) if is_text else range(0))


def _with_conflicts(found: list[Broken], lines: list[str]) -> Iterator[Broken]:
    """Marks of a merge conflict unsettle what stands between them."""
    opened: int | None = None
    cells = [0, *(number for number, line in enumerate(lines) if _CELL.match(line))]
    for piece in found:
        if not piece.is_conflict:
            yield piece
            continue
        opened = piece.first if piece.text[0] == "<" else opened
        begin = cells[bisect.bisect(cells, piece.first) - 1] if opened is None else opened
        closes = piece.text[0] == ">"
        yield Broken(piece.first, piece.end, piece.text, piece.error, range(begin, piece.end) if closes else range(0))
        opened = None if closes else opened


def _moved(error: StudentError, lines: int) -> StudentError:
    return error if error.line is None else error.model_copy(update={"line": error.line + lines})


def _opens_block(text: str) -> bool:
    return next((line.word in _BLOCKS for line in logical_lines(text) if line.tokens), False)


def _starts(lines: list[str]) -> Iterator[int]:
    """Lines at which a top-level statement may begin; decorators and continued lines belong to what follows."""
    goes_on = False
    for number, line in enumerate(lines):
        if number == 0 or _CELL.match(line) or (_START.match(line) and not goes_on):
            yield number
        if line.strip() and not line.startswith("#"):
            decorates = line.startswith("@") or (goes_on and line[:1].isspace())
            goes_on = decorates or line.rstrip().endswith("\\")


def _left_open(text: str, depth: int) -> tuple[int, str]:
    """How many brackets are open at the end of a text that begins inside ``depth`` of them, and which long quote."""
    quote = ""
    for token in tokens(text):
        if token.kind is Kind.OPERATOR:
            depth = max(depth + (token.text in "([{") - (token.text in ")]}"), 0)
        elif token.kind is Kind.STRING:
            body = token.text.lstrip("rRbBfFuU")
            is_long = body.startswith(_QUOTES)
            quote = body[:3] if is_long and (len(body) < 6 or not body.endswith(body[:3])) else ""
    return depth, quote


def losses(fragments: Fragments, tree: ast.Module, needed: frozenset[str], given: frozenset[str]) -> Losses:
    """Which broken pieces an entry point can do without, that needs these names; ``given`` are those of the prelude."""
    binding: dict[str, list[int]] = defaultdict(list)
    settling: dict[str, int] = {}
    own: set[str] = set()
    for node in tree.body:
        for name in names.binds(node):
            binding[name].append(node.lineno - 1)
            if isinstance(node, effects.Definition | ast.Import | ast.ImportFrom | ast.Assign):
                settling[name] = node.lineno - 1
            if not isinstance(node, effects.Definition | ast.Import | ast.ImportFrom):
                own.add(name)
    found: dict[str, list[Broken]] = {"needed": [], "idle": []}
    changing: list[tuple[Broken, tuple[str, ...]]] = []
    for piece in fragments.broken:
        bound, touched = _touched(piece.text)
        bound = {name for name in bound & needed if settling.get(name, -1) < piece.first}
        unsettled = {name for name in needed if any(line in piece.unsettles for line in binding.get(name, ()))}
        is_import = piece.text.lstrip().split(" ")[0] in {"import", "from"}
        if {name for name in bound if name not in binding and name not in given}:
            found["needed"].append(piece)
        elif changed := (bound - (given if is_import else frozenset())) | (touched & own & needed) | unsettled:
            changing.append((piece, tuple(sorted(changed))))
        else:
            found["idle"].append(piece)
    return Losses(tuple(found["needed"]), tuple(changing), tuple(found["idle"]))


def _touched(text: str) -> tuple[set[str], set[str]]:
    """Names that a broken piece would bind or assign to, and names whose object it may change otherwise."""
    bound: set[str] = set()
    touched: set[str] = set()
    for line in logical_lines(text):
        words = list(line.tokens)
        if not words:
            continue
        texts = [word.text for word in words]
        start = int(texts[0] == "async" and len(texts) > 1)
        if line.indent == 0 and texts[start] in {"def", "class"}:
            is_plain = len(words) > start + 2 and texts[start + 2] in "([:" and words[start + 1].kind is Kind.NAME
            bound |= {texts[start + 1]} if is_plain else set(_names(words))
            if is_plain:
                return bound | set(re.findall(r"^\s+global\s+(\w+)", text, re.MULTILINE)), touched
        elif texts[0] in {"import", "from", "global", "del", "def", "class"}:
            bound |= set(_names(words))
        elif texts[0] == "for":
            bound |= set(_names(words[: texts.index("in") if "in" in texts else None]))
        else:
            bound |= _targets(words)
        bound |= set(_names(words)) if _BY_TEXT.intersection(texts) else set()
        touched |= set(_changed(words))
    return bound, touched


def _names(words: list[Token]) -> Iterator[str]:
    return (word.text for word in words if word.kind is Kind.NAME and not word.is_keyword)


def _targets(words: list[Token]) -> set[str]:
    """Roots of what stands before an assignment outside brackets: ``net`` of ``net.fc = Linear(8, bias=False``."""
    found: set[str] = set()
    depth = begin = 0
    for position, word in enumerate(words):
        depth = max(depth + (word.text in "([{") - (word.text in ")]}"), 0) if word.kind is Kind.OPERATOR else depth
        if not depth and word.kind is Kind.OPERATOR and _ASSIGNS.fullmatch(word.text) and word.text not in {"==", "!="}:
            found |= {
                words[at].text
                for at in range(begin, position)
                if words[at].kind is Kind.NAME and (at == begin or words[at - 1].text in {",", "(", "*"})
            }
            begin = position + 1
    return found


def _changed(words: list[Token]) -> Iterator[str]:
    """Names of objects that are passed on, or whose methods are called, other than to read or to show."""
    calls: list[str] = []
    for position, word in enumerate(words):
        before = words[position - 1].text if position else ""
        after = [other.text for other in words[position + 1 : position + 3]]
        if word.text == "(":
            calls.append(before)
        elif word.text == ")" and calls:
            calls.pop()
        elif word.kind is Kind.NAME and not word.is_keyword and before != "." and (calls or after[:1] == ["."]):
            method = after[1] if after[:1] == ["."] and len(after) > 1 else ""
            if after[:1] not in (["("], ["="]) and not any(map(effects.only_reads, [method, *calls[-1:]])):
                yield word.text
