"""Lost underscores: ``def loss fn kd(student logits)`` as ``def loss_fn_kd(student_logits)``.

Text taken from a PDF often shows a space where an underscore was. Python never allows two names side by side, so every
such pair in code is damage; a keyword in the pair is a keyword only where the grammar could have one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from grader.intake.lexing import Kind, Token, tokens

_STATEMENT_WORDS = frozenset({
    "class", "def", "del", "global", "nonlocal", "pass", "break", "continue", "raise", "return", "try", "while",
    "with", "assert", "except", "finally", "elif",
})  # fmt: skip
_OPERATOR_WORDS = frozenset({"in", "is", "and", "or"})
_OPERAND_WORDS = frozenset({"None", "True", "False", "not", "lambda", "await"})
_SPECIAL = frozenset({
    "init", "call", "len", "getitem", "setitem", "iter", "next", "repr", "str", "enter", "exit", "new", "getattr",
    "setattr", "name", "class", "dict", "doc", "future", "all",
})  # fmt: skip
_OPENING = frozenset("([{")
_OPERAND_END = frozenset(")]}")
_OPERAND_START = frozenset("([{-+~")
_NAME_LIMIT = 100
"""Characters. A longer name is none that a person has spelled out elsewhere."""
_GUESSED_NAME = re.compile(r"\._([A-Za-z]\w*)")
_NAME_WITH_UNDERSCORE = re.compile(r"\b\w*_\w*\b")


def restore(text: str) -> tuple[str, int]:
    """The text with underscores where they were lost, and how many names were put together."""
    spelled = Counter(_NAME_WITH_UNDERSCORE.findall(text))
    first, joined = _pass(text, frozenset(spelled))
    # Names put together in the first pass (a parameter list is the surest place) settle doubtful spots in a second.
    second, again = _pass(first, frozenset(_NAME_WITH_UNDERSCORE.findall(first)))
    return _agree(second, spelled), joined + again


@dataclass(slots=True)
class _Piece:
    """A token with what stands between it and the one before: spaces, comments, line breaks."""

    gap: str
    token: Token

    @property
    def is_near(self) -> bool:
        """After a space on the same line: where an underscore may have been."""
        return bool(self.gap) and not self.gap.strip(" \t")


def _pass(text: str, spelled: frozenset[str]) -> tuple[str, int]:
    written: list[str] = []
    line: list[_Piece] = []
    count = depth = 0
    gap = ""
    for token in tokens(text):
        if token.kind in (Kind.SPACE, Kind.COMMENT, Kind.NEWLINE):
            gap += token.text
            # A definition's header ends with its colon even if one of its brackets was lost.
            is_header = bool(line) and line[0].token.text in {"def", "class"} and line[-1].token.text == ":"
            if token.kind is Kind.NEWLINE and line and (depth == 0 or is_header):
                count += _Line(line, spelled).write(written)
                line, depth = [], 0
            continue
        depth = max(depth + (token.text in _OPENING) - (token.text in _OPERAND_END), 0)
        line.append(_Piece(gap, token))
        gap = ""
    count += _Line(line, spelled).write(written)
    return "".join([*written, gap]), count


class _Line:
    """One logical line, read word by word."""

    def __init__(self, pieces: list[_Piece], spelled: frozenset[str]) -> None:
        self.pieces = pieces
        self.spelled = spelled
        shown = [piece.token.text for piece in pieces[:2]]
        self.first = shown[0] if shown else ""
        self.is_definition = self.first == "def" or shown == ["async", "def"]

    def write(self, written: list[str]) -> int:
        """Append the line's restored text; how many names were put together."""
        count = index = 0
        while index < len(self.pieces):
            piece = self.pieces[index]
            end = self._run_end(index)
            name = self._name(index, end) if end > index else None
            if name is None:
                written += [piece.gap, piece.token.text]
                index += 1
                continue
            written += ["" if self._lost_before(index) else piece.gap, name]
            if name.endswith("__") and end < len(self.pieces) and self.pieces[end].is_near:
                self.pieces[end].gap = ""
            count += 1
            index = end
        return count

    def _text(self, index: int) -> str:
        return self.pieces[index].token.text if 0 <= index < len(self.pieces) else ""

    def _run_end(self, start: int) -> int:
        """Where the run of words that begins here ends; ``start`` itself when no word is here."""
        if not self._is_word(start) or (start == 0 and self.first in {"print", "exec"}):
            return start  # `print x` is Python 2, not damage
        end = start + 1
        while end < len(self.pieces) and self.pieces[end].is_near and self._continues(start, end):
            end += 1
        return end

    def _lost_before(self, index: int) -> bool:
        """``self. make_layer``: a space after the dot, where a leading underscore was."""
        return self._is_attribute(index) and self.pieces[index].is_near

    def _is_attribute(self, index: int) -> bool:
        return index > 0 and self._text(index - 1) == "." and self.first not in {"from", "import"}

    def _name(self, start: int, end: int) -> str | None:
        """The restored name of the words from ``start`` to ``end``, or ``None`` when nothing was lost."""
        parts = [self._text(index) for index in range(start, end)]
        lost = self._lost_before(start)
        if len(parts) == 1 and parts[0] in _SPECIAL and self._is_special(start, lost):
            return f"__{parts[0]}__"
        if len(parts) == 1 and not lost:
            return None
        joined = "_".join(parts)
        candidates = [f"_{joined}", joined] if lost else [joined, f"_{joined}"]
        return next((name for name in candidates if name in self.spelled), candidates[0])

    def _is_special(self, index: int, lost: bool) -> bool:
        """``def init (self`` and ``super(). init ()``."""
        opens = self._text(index + 1) == "("
        gap = opens and self.pieces[index + 1].is_near
        if self._text(index - 1) == "def":
            return opens and self._text(index + 2) in {"self", "cls"} and (gap or self._text(index) == "init")
        return (lost and (gap or not opens)) or (opens and self._text(index) == "init" and self._is_of_super(index))

    def _is_of_super(self, index: int) -> bool:
        """``super().init()`` and ``super(Net, self).init()``: a viewer that took the underscores for bold type."""
        before = [piece.token.text for piece in self.pieces[max(index - 7, 0) : index]]
        return before[-3:] in (["(", ")", "."], ["self", ")", "."]) and "super" in before

    def _is_word(self, index: int) -> bool:
        """Whether the token is an identifier or a piece of one here."""
        token = self.pieces[index].token
        if token.kind is not Kind.NAME:
            return False
        if not token.is_keyword or self._is_attribute(index):
            return True
        before = self.pieces[index - 1].token if index else None
        after = self.pieces[index + 1].token if index + 1 < len(self.pieces) else None
        if token.text in _OPERATOR_WORDS:
            in_parameters = self.is_definition and self._text(index - 1) in {"(", ",", "*"}
            return in_parameters or not (_ends_operand(before, token.text) and _starts_operand(after))
        return token.text in _STATEMENT_WORDS and not (before is None or before.text in {";", ":"} or before.is_keyword)

    def _continues(self, start: int, index: int) -> bool:
        token = self.pieces[index].token
        if token.kind is Kind.NUMBER:
            return token.text.isalnum()
        if token.kind is not Kind.NAME:
            return False
        if token.text not in _OPERATOR_WORDS:
            return self._is_word(index)
        if self.is_definition:
            return index > 2 and self._text(start - 1) in {"(", ",", "*"}
        # `num in features` is an expression, unless the name is spelled out elsewhere.
        if index - start > _NAME_LIMIT:
            return False
        name = "_".join(self._text(at) for at in range(start, index + 1))
        for at in range(index + 1, len(self.pieces)):
            if not self.pieces[at].is_near or self.pieces[at].token.kind is not Kind.NAME or len(name) > _NAME_LIMIT:
                break
            name = f"{name}_{self._text(at)}"
            if name in self.spelled:
                return True
        return False


def _ends_operand(token: Token | None, word: str) -> bool:
    if token is None:
        return False
    if token.is_keyword:
        return token.text in {"None", "True", "False"} or (word == "in" and token.text == "not")
    return token.kind in (Kind.NAME, Kind.NUMBER, Kind.STRING) or token.text in _OPERAND_END


def _starts_operand(token: Token | None) -> bool:
    if token is None:
        return False
    if token.is_keyword:
        return token.text in _OPERAND_WORDS
    return token.kind in (Kind.NAME, Kind.NUMBER, Kind.STRING) or token.text in _OPERAND_START


def _agree(text: str, spelled: Counter[str]) -> str:
    """Bring guessed leading underscores in line with the definitions: ``self._make_layer`` and ``def make_layer``."""
    defined = set(re.findall(r"\bdef\s+(\w+)", text))

    def agreed(found: re.Match[str]) -> str:
        name = found[1]
        is_guess = name in defined and f"_{name}" not in defined and f"_{name}" not in spelled
        return f".{name}" if is_guess else found[0]

    return _GUESSED_NAME.sub(agreed, text)
