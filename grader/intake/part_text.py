"""The bytes of a part made into one text: decoded, the cells of a notebook joined."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.evidence import Note, StudentError
from grader.intake import cleaning, damage, encoding, limits, notebook, syntax
from grader.intake.result import DropKind, Dropped

_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class PartText(cleaning.Cleaned):
    """An upload as text. ``whole``: where cells of a notebook cannot be read, the text with all of them."""

    whole: str = ""


def decode_part(data: bytes, entry: str) -> PartText | Note:
    """One text from the bytes: decoded, a notebook's cells joined."""
    is_notebook = notebook.looks_like_notebook(data)
    limit = notebook.BYTE_LIMIT if is_notebook else limits.BYTE_LIMIT
    if len(data) > limit:
        return limits.too_large(len(data), limit, "bytes")
    decoded = encoding.decode(data)
    if isinstance(decoded, Note):
        return decoded
    if is_notebook or notebook.looks_like_notebook(decoded.text.encode()):
        cells = notebook.code_cells(decoded.text)
        if isinstance(cells, Note):
            return cells
        texts = [cell.strip("\n") for cell in cells]
        return limits.excess(texts) or _joined(texts, entry, decoded.notes)
    return limits.excess([decoded.text]) or PartText(decoded.text, (), decoded.notes)


def _joined(texts: Sequence[str], entry: str, notes: tuple[Note, ...]) -> PartText:
    """A notebook as one text. A cell that cannot be read and that no other needs is left out, not the whole."""
    cleaned = [
        cleaning.Cleaned(text) if isinstance(syntax.parse(text), ast.Module) else cleaning.clean(text) for text in texts
    ]
    parsed = [syntax.parse(cell.text) for cell in cleaned]
    whole = "\n".join(
        cell.text for cell, tree in zip(cleaned, parsed, strict=True) if not isinstance(tree, StudentError)
    )
    needed = ({entry} | set(re.findall(r"\w+", whole))) - set(_DEFINED.findall(whole))
    pieces: list[str] = []
    whole_pieces: list[str] = []
    dropped: list[Dropped] = []
    line = 1
    for number, (cell, tree) in enumerate(zip(cleaned, parsed, strict=True), start=1):
        text = cell.text
        dropped += [item._replace(line=item.line + line) for item in cell.dropped]
        if isinstance(tree, StudentError) and not (
            needed.intersection(_DEFINED.findall(text)) or damage.shows_damage(text, tree)
        ):
            dropped.append(Dropped(line + 1, DropKind.CELL, texts[number - 1].split("\n")[0][:120]))
            text = "\n" * text.count("\n")
        pieces.append(f"# cell {number}\n{text}\n")
        whole_pieces.append(f"# cell {number}\n{cell.text}\n")
        line += pieces[-1].count("\n")
    is_broken = any(isinstance(tree, StudentError) for tree in parsed)
    return PartText("".join(pieces), tuple(dropped), notes, "".join(whole_pieces) if is_broken else "")
