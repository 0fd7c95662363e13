"""Outputs of Jupyter notebooks, nbformat 3 and 4, that may be a part of a submission: a printed summary, a plot.

They are only offered: a part is taken from an output if the student asks for that output.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from grader.intake import encoding, notebook

OUTPUT_LIMIT = 5_000
"""Outputs of a notebook that are looked at. The course notebook has about sixty."""
_PICTURES = {"image/png": ".png", "image/jpeg": ".jpg", "png": ".png", "jpeg": ".jpg"}
"""The suffix of a picture by its key: a type in nbformat 4, a word in nbformat 3."""
_SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff"}
_TEXTS = ("text/plain", "text")
_HEAD = 24
"""Characters of Base64 that hold the signature of a picture."""
_LINE_REST = 200
"""Characters behind a word that its line may have."""
_SOURCE_LIMIT = 10_000
"""Characters of a cell that are searched for words."""


@dataclass(frozen=True)
class Output:
    """One output of a code cell: text, or a picture as Base64. Cells and outputs count from 1.

    ``suffix`` is that of a file with this content, ``source`` the code of the cell.
    """

    cell: int
    number: int
    suffix: str
    content: str
    source: str

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return self.suffix in _SIGNATURES

    @property
    def size(self) -> int:
        """About the size of its content in bytes, without decoding it."""
        return len(self.content) * 3 // 4 if self.is_picture else len(self.content.encode("utf-8", "replace"))

    def line_with(self, words: Iterable[str]) -> str | None:
        """The first line of the text, or of the code that drew the picture, with one of the words in any case."""
        text = self.source[:_SOURCE_LIMIT] if self.is_picture else self.content
        pattern = "|".join(re.escape(word) for word in words)
        found = re.search(pattern, text, re.IGNORECASE)
        if found is None:
            return None
        start = text.rfind("\n", 0, found.start()) + 1
        return text[start : found.end() + _LINE_REST].partition("\n")[0].strip()

    def data(self) -> bytes | None:
        """The content as a file has it; ``None`` for a picture that is damaged."""
        if not self.is_picture:
            return self.content.encode("utf-8", "replace")
        try:
            return base64.b64decode("".join(self.content.split()), validate=True)
        except (binascii.Error, ValueError):
            return None


def read(data: bytes) -> tuple[Output, ...]:
    """The texts and pictures among the outputs of a notebook, in order. Empty for anything else than a notebook."""
    if len(data) > notebook.BYTE_LIMIT or not notebook.looks_like_notebook(data):
        return ()
    decoding = encoding.decode(data)
    cells = notebook.parse(decoding.text) if isinstance(decoding, encoding.DecodedText) else []
    return tuple(islice(_outputs(cells), OUTPUT_LIMIT)) if isinstance(cells, list) else ()


def _outputs(cells: Sequence[tuple[dict[str, Any], str]]) -> Iterator[Output]:
    for cell_number, (cell, source) in enumerate(cells, start=1):
        outputs = cell.get("outputs")
        for number, (suffix, text) in enumerate(_contents(outputs if isinstance(outputs, list) else []), start=1):
            yield Output(cell_number, number, suffix, text, source)


def _contents(outputs: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Suffix and content of each output. What a cell prints in pieces is one text."""
    for stream, group in groupby((one for one in outputs if isinstance(one, dict)), key=_stream):
        if stream is not None:
            yield ".txt", "".join(_text(one.get("text")) for one in group)
        else:
            yield from (content for one in group if (content := _shown(one)) is not None)


def _stream(output: dict[str, Any]) -> str | None:
    """The name of the stream that an output was printed to; ``None`` for another output."""
    if output.get("output_type") != "stream":
        return None
    return str(output.get("name", output.get("stream", "stdout")))


def _shown(output: dict[str, Any]) -> tuple[str, str] | None:
    """The picture of an output, else its text."""
    # nbformat 4 has the content in "data" by its type, nbformat 3 in the output itself by a word.
    content = output.get("data", output)
    if not isinstance(content, dict):
        return None
    for key, suffix in _PICTURES.items():
        encoded = _text(content.get(key))
        if encoded and _begins_as(encoded, suffix):
            return suffix, encoded
    text = next((text for key in _TEXTS if (text := _text(content.get(key)))), None)
    return None if text is None else (".txt", text)


def _begins_as(encoded: str, suffix: str) -> bool:
    try:
        return base64.b64decode(encoded.lstrip()[:_HEAD]).startswith(_SIGNATURES[suffix])
    except (binascii.Error, ValueError):
        return False


def _text(value: Any) -> str:
    """A text of a notebook: one string, or a list of lines with their ends."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
