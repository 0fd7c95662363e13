"""Restores lost underscores: ``def loss fn kd(student logits)`` becomes ``def loss_fn_kd(student_logits)``.

Text copied from a PDF often has a space in the place of an underscore. Python allows no two names side by side, so
every such pair in code is damage; a keyword in the pair is one only where the grammar allows a keyword.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.intake.lexing import INSIGNIFICANT, Kind, Token, tokens

_STATEMENT_WORDS = frozenset({
    "class", "def", "del", "global", "nonlocal", "pass", "break", "continue", "raise", "return", "try", "while",
    "with", "assert", "except", "finally", "elif",
})  # fmt: skip
_OPERATOR_WORDS = frozenset({"in", "is", "and", "or"})
_OPERAND_WORDS = frozenset({"None", "True", "False", "not", "lambda", "await"})
_DUNDER_WORDS = frozenset({
    "init", "call", "len", "getitem", "setitem", "iter", "next", "repr", "str", "enter", "exit", "new", "getattr",
    "setattr", "name", "class", "dict", "doc", "future", "all",
})  # fmt: skip
_OUTSIDE_BRACKETS = frozenset({"class", "def", "del", "global", "import", "raise", "return", "try", "while", "with"})
"""Words at the start of a line that stand in no bracket: the bracket before them is unclosed."""
_OPERAND_END = frozenset(")]}")
_OPERAND_START = frozenset("([{-+~")
_WORD_LIMIT = 10
"""Words of a name on either side of an operator word, as in ``num_in_features``."""
_GUESSED_NAME = re.compile(r"\._([A-Za-z]\w*)")
_NAME_WITH_UNDERSCORE = re.compile(r"\b\w*_\w*\b")


def restore(text: str) -> tuple[str, int]:
    """The text with its lost underscores, and the number of restored names."""
    spelled_names = frozenset(_NAME_WITH_UNDERSCORE.findall(text))
    first, first_count = _restore_names(text, spelled_names)
    # Names from the first pass (parameter lists are the surest place) decide ambiguous places in a second one.
    second, second_count = _restore_names(first, frozenset(_NAME_WITH_UNDERSCORE.findall(first)))
    return _without_wrong_guesses(second, spelled_names), first_count + second_count


@dataclass(slots=True)
class _Piece:
    """A token, and the spaces, comments and line breaks before it."""

    gap: str
    token: Token

    @property
    def is_near(self) -> bool:
        """Whether only spaces stand before the token: a place of a possible underscore."""
        return bool(self.gap) and not self.gap.strip(" \t")


def _restore_names(text: str, spelled_names: frozenset[str]) -> tuple[str, int]:
    """One pass over the text, and its number of restored names; ``spelled_names`` are the names with underscores."""
    output: list[str] = []
    line: list[_Piece] = []
    count = depth = 0
    gap = ""
    for token in tokens(text):
        if token.kind in INSIGNIFICANT:
            gap += token.text
            # A definition's header ends with its colon, also where it has lost a bracket.
            is_header = bool(line) and line[0].token.text in {"def", "class"} and line[-1].token.text == ":"
            if token.kind is Kind.NEWLINE and line and (depth == 0 or is_header):
                count += _Line(line, spelled_names).write(output)
                line, depth = [], 0
            continue
        if depth and "\n" in gap and token.text in _OUTSIDE_BRACKETS:
            count += _Line(line, spelled_names).write(output)
            line, depth = [], 0
        depth = max(depth + token.depth_change, 0)
        line.append(_Piece(gap, token))
        gap = ""
    count += _Line(line, spelled_names).write(output)
    return "".join([*output, gap]), count


class _Line:
    """One logical line, whose names are restored word by word."""

    def __init__(self, pieces: list[_Piece], spelled_names: frozenset[str]) -> None:
        self.pieces = pieces
        self.spelled_names = spelled_names
        words = [piece.token.text for piece in pieces[:2]]
        self.first = words[0] if words else ""
        self.is_definition = self.first == "def" or words == ["async", "def"]

    def write(self, output: list[str]) -> int:
        """Append the restored text to the output; returns the number of restored names."""
        count = index = 0
        while index < len(self.pieces):
            piece = self.pieces[index]
            end = self._run_end(index)
            name = self._name(index, end) if end > index else None
            if name is None:
                output += [piece.gap, piece.token.text]
                index += 1
                continue
            output += ["" if self._lost_leading(index) else piece.gap, name]
            if name.endswith("__") and end < len(self.pieces) and self.pieces[end].is_near:
                self.pieces[end].gap = ""
            count += 1
            index = end
        return count

    def _text(self, index: int) -> str:
        return self.pieces[index].token.text if 0 <= index < len(self.pieces) else ""

    def _run_end(self, start: int) -> int:
        """The end of the run of words that begins at ``start``; ``start`` itself if no word does."""
        if not self._is_word(start) or (start == 0 and self.first in {"print", "exec"}):
            return start  # `print x` is Python 2
        end = start + 1
        while end < len(self.pieces) and self.pieces[end].is_near and self._continues(start, end):
            end += 1
        return end

    def _lost_leading(self, index: int) -> bool:
        """Whether a space has replaced a leading underscore after a dot: ``self. make_layer``."""
        return self._is_attribute(index) and self.pieces[index].is_near

    def _is_attribute(self, index: int) -> bool:
        return index > 0 and self._text(index - 1) == "." and self.first not in {"from", "import"}

    def _name(self, start: int, end: int) -> str | None:
        """The restored name of the words from ``start`` to ``end``, or ``None`` where no underscore is lost."""
        words = [self._text(index) for index in range(start, end)]
        lost_leading = self._lost_leading(start)
        if len(words) == 1 and words[0] in _DUNDER_WORDS and self._is_dunder(start, lost_leading):
            return f"__{words[0]}__"
        if len(words) == 1 and not lost_leading:
            return None
        joined_name = "_".join(words)
        candidates = [f"_{joined_name}", joined_name] if lost_leading else [joined_name, f"_{joined_name}"]
        return next((name for name in candidates if name in self.spelled_names), candidates[0])

    def _is_dunder(self, index: int, lost_leading: bool) -> bool:
        """Whether a word has lost both pairs of underscores: ``def init (self`` and ``super(). init ()``."""
        is_call = self._text(index + 1) == "("
        lost_trailing = is_call and self.pieces[index + 1].is_near
        is_init = self._text(index) == "init"
        if self._text(index - 1) == "def":
            return is_call and self._text(index + 2) in {"self", "cls"} and (lost_trailing or is_init)
        return (lost_leading and (lost_trailing or not is_call)) or (is_call and is_init and self._is_of_super(index))

    def _is_of_super(self, index: int) -> bool:
        """Whether ``init`` belongs to ``super()``: some viewers read its underscores as bold type."""
        before = [piece.token.text for piece in self.pieces[max(index - 7, 0) : index]]
        return before[-3:] in (["(", ")", "."], ["self", ")", "."]) and "super" in before

    def _is_word(self, index: int) -> bool:
        """Whether the token is a name or a part of one at its place."""
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
        """Whether the token belongs to the name that begins at ``start``."""
        token = self.pieces[index].token
        if token.kind is Kind.NUMBER:
            return token.text.isalnum()
        if token.kind is not Kind.NAME:
            return False
        if token.text not in _OPERATOR_WORDS:
            return self._is_word(index)
        if self.is_definition:
            return index > 2 and self._text(start - 1) in {"(", ",", "*"}
        # `num in features` is an expression, unless the code spells the whole name elsewhere.
        if index - start > _WORD_LIMIT:
            return False
        name = "_".join(self._text(at) for at in range(start, index + 1))
        for at in range(index + 1, min(len(self.pieces), index + 1 + _WORD_LIMIT)):
            if not self.pieces[at].is_near or self.pieces[at].token.kind is not Kind.NAME:
                break
            name = f"{name}_{self._text(at)}"
            if name in self.spelled_names:
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


def _without_wrong_guesses(text: str, spelled_names: frozenset[str]) -> str:
    """Remove guessed leading underscores that the definition lacks: ``self._make_layer`` for ``def make_layer``."""
    defined_names = set(re.findall(r"\bdef\s+(\w+)", text))

    def correct(match: re.Match[str]) -> str:
        name = match[1]
        is_wrong = name in defined_names and f"_{name}" not in defined_names and f"_{name}" not in spelled_names
        return f".{name}" if is_wrong else match[0]

    return _GUESSED_NAME.sub(correct, text)
