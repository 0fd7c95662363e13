"""Replaces characters that word processors and input methods insert, outside strings and comments.

Python accepts none of them there, so the replacement changes no valid program.
"""

from __future__ import annotations

from grader.intake.lexing import Kind, token_at, tokens

_SPACES = dict.fromkeys(
    [0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x2028, 0x2029, 0x0085, 0x000B], " "
)
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF], "")
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PUNCTUATION = {
    ord(wrong): right
    for wrong, right in {
        "，": ",", "、": ",", "。": ".", "：": ":", "；": ";", "（": "(", "）": ")", "【": "[", "】": "]",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "×": "*", "∗": "*", "÷": "/", "∕": "/",
        "≤": "<=", "≥": ">=", "≠": "!=", "→": "->", "＝": "=", "＿": "_", "…": "...",
    }.items()
}  # fmt: skip
_CODE = _SPACES | _INVISIBLE | _FULL_WIDTH | _PUNCTUATION
_CLOSING = {"“": "“”„", "”": "“”", "„": "“”", "‘": "‘’", "’": "‘’", "「": "」", "『": "』", "＂": "＂", "＇": "＇"}
"""Typographic quotes, with those that may close them on the same line."""


def straighten(text: str) -> tuple[str, int]:
    """The text with Python's own characters, and the number of replaced quotes and signs (without spaces)."""
    quoted, quotes = _straighten_quotes(text) if any(quote in text for quote in _CLOSING) else (text, 0)
    pieces: list[str] = []
    signs = 0
    for token in tokens(quoted):
        if token.kind in (Kind.STRING, Kind.COMMENT) or token.text.isascii():
            pieces.append(token.text)
            continue
        pieces.append(token.text.translate(_CODE))
        signs += sum(ord(character) in _FULL_WIDTH or ord(character) in _PUNCTUATION for character in token.text)
    return "".join(pieces), quotes + signs


def _straighten_quotes(text: str) -> tuple[str, int]:
    """Replace ``“x”`` by ``"x"`` where a string may begin and its closing quote stands on the same line."""
    pieces: list[str] = []
    count = position = 0
    line_end = -1
    unclosed: set[str] = set()  # opening quotes of this line without a closing one
    while position < len(text):
        token = token_at(text, position)
        closing = None
        if token.text in _CLOSING:
            if position > line_end:
                line_end, unclosed = _line_end(text, position), set()
            closing = None if token.text in unclosed else _closing(text, position, line_end)
            unclosed |= {token.text} if closing is None else set()
        if closing is None:
            pieces.append(token.text)
            position += len(token.text)
        else:
            pieces.append('"' + text[position + 1 : closing].replace('"', '\\"') + '"')
            position = closing + 1
            count += 2
    return "".join(pieces), count


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _closing(text: str, start: int, line_end: int) -> int | None:
    offsets = (text.find(quote, start + 1, line_end) for quote in _CLOSING[text[start]])
    return min((offset for offset in offsets if offset >= 0), default=None)
