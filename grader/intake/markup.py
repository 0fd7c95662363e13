"""Removes traces of the page that code was copied from: HTML, Markdown, mail quotes, diffs, a clipboard pasted twice.

The steps run on text that does not parse; each returns the text without the traces, or ``None`` where it has none.
"""

from __future__ import annotations

import html
import re

from grader.intake.lexing import Kind, tokens

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,6}|#[xX][0-9a-fA-F]{1,6});")
_TAG = re.compile(r"</?(?:br|pre|code|span|div|p)(?:\s[^<>\n]{0,200})?/?>", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([_*\[\]<>~`#])")
_BOLD_NAME = re.compile(r"(\bdef[ \t]+|\.|\bif[ \t]+)\*\*([a-z]+)\*\*(?=[ \t]*(?:\(|==))")
_ALONE = re.compile(r"[ \t]*(\d{1,5})[ \t]*")
_TAG_AT_END = re.compile(r"<[^<>]*>$")
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_CODE = re.compile(r"\s*(?:def|class|import|from|@)[\s\w]")
_SEPARATORS = re.compile("[\u2028\u2029\u0085\u000b]")


def without_html(text: str) -> str | None:
    """Replace ``x &lt; 3<br>`` by ``x < 3``."""
    plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), _TAG.sub("", text)).replace("\u00a0", " ")
    return plain if _TAG.search(text) or _ENTITY.search(text) else None


def without_markdown(text: str) -> str | None:
    r"""Restore underscores: ``def \_\_init\_\_`` and ``def **init**`` become ``def __init__``."""
    pieces: list[str] = []
    code = ""
    for token in tokens(text):
        if token.kind in (Kind.STRING, Kind.COMMENT):
            pieces += [_unescaped(code), token.text]
            code = ""
        else:
            code += token.text
    plain = "".join([*pieces, _unescaped(code)])
    return plain if plain != text else None


def _unescaped(text: str) -> str:
    return _BOLD_NAME.sub(r"\1__\2__", _ESCAPED.sub(r"\1", text))


def without_quote_marks(text: str) -> str | None:
    """Unquote a mail whose every line begins or ends with ``>``; blank the words above it."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.startswith(">")), len(lines))
    if first and not any(_CODE.match(line) for line in lines[:first]):
        lines[:first] = [""] * first
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2:
        return None
    if all(line.startswith(">") and line[:3] != ">>>" for line in filled):
        space = all(line[1:2] in ("", " ") for line in filled)
        inner = "\n".join(line[1 + space :] if line.strip() else line for line in lines)
        return without_quote_marks(inner) or inner
    if all(line.endswith(">") and not _TAG_AT_END.search(line) for line in filled):
        return "\n".join(line.rstrip()[:-1] for line in lines)
    return None


def without_difference(text: str) -> str | None:
    """The new text of a diff: its added and unchanged lines. Blanks its header and the removed lines."""
    lines = text.split("\n")
    head = next((number for number, line in enumerate(lines) if line.startswith("@@ ")), -1)
    body = [line for line in lines[head + 1 :] if line.strip() and not line.startswith("@@ ")]
    added = sum(line.startswith("+") for line in body)
    if added < 2 or not all(line[0] in "+- \\" for line in body):
        return None
    new = [line[1:] if line[:1] in ("+", " ") else "" for line in lines]
    return "\n".join([*([""] * (head + 1)), *new[head + 1 :]])


def without_colours(text: str) -> str | None:
    """Remove the colour codes of a terminal."""
    return _COLOUR.sub("", text) if _COLOUR.search(text) else None


def without_numbers_between(text: str) -> str | None:
    """Blank line numbers that stand on lines of their own, before the lines that they count."""
    lines = text.split("\n")
    number_lines = {at: int(match[1]) for at, line in enumerate(lines) if (match := _ALONE.fullmatch(line))}
    numbers = list(number_lines.values())
    others = sum(bool(line.strip()) for line in lines) - len(numbers)
    if len(numbers) < 3 or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or len(numbers) < others:
        return None
    return "\n".join("" if at in number_lines else line for at, line in enumerate(lines))


def once(text: str) -> str | None:
    """The first half of a text that consists of two equal halves, without a line break between them."""
    stripped = text.strip("\n")
    above = len(text) - len(text.lstrip("\n"))
    half = len(stripped) // 2
    if not half or len(stripped) % 2 or stripped[:half] != stripped[half:]:
        return None
    return "\n" * above + f"{stripped[:half]}\n"


def with_line_breaks(text: str) -> str | None:
    """Replace the line separators of word processors by line breaks."""
    return _SEPARATORS.sub("\n", text) if _SEPARATORS.search(text) else None
