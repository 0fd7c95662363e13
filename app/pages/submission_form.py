"""The form of the start page, and its conversion into the fields of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from app.submissions import parts
from app.submissions.parts import Field

TEXT_PARTS: Final = ("model", "loss", "summary")
"""Parts that the form takes as text or as a file, in the order of the page."""
FILE_TYPES: Final[Mapping[str, str]] = {
    "model": ".py,.ipynb,.txt",
    "loss": ".py,.txt",
    "summary": ".txt",
    "pruning_plot": ".png,.jpg,.jpeg",
    "pruning_points": ".csv",
    "weights": ".safetensors,.pt,.pth",
}
FILE_PARTS: Final = ("pruning_plot", "pruning_points", "weights")
"""Parts that the form takes only as files."""
_ANSWER = "answer-"
_FILE = "-file"


def size_limits(question_numbers: list[str]) -> dict[str, int]:
    """Every field of the form with its largest size in bytes."""
    files = {f"{part}{_FILE}": parts.SIZE_LIMITS[part] for part in FILE_TYPES}
    texts = {part: parts.SIZE_LIMITS[part] for part in TEXT_PARTS}
    answers = {f"{_ANSWER}{number}": 256 for number in question_numbers}
    return files | texts | answers | {"repair": 256}


def to_api(fields: Mapping[str, Field], slug: str) -> dict[str, Field]:
    """The fields of `POST /submissions`. A file outranks the text of the same part."""
    result = {"assignment": Field(slug.encode(), None)}
    for part in FILE_TYPES:
        file, text = fields.get(f"{part}{_FILE}"), fields.get(part)
        if file is not None and file.data:
            result[part] = file
        elif text is not None:
            # Browsers send each line break of a text area as CR LF.
            result[part] = Field(text.data.replace(b"\r\n", b"\n"), None)
    answers = {
        name.removeprefix(_ANSWER): field.data.decode("utf-8", "replace")
        for name, field in fields.items()
        if name.startswith(_ANSWER) and field.data
    }
    if answers:
        result["answers"] = Field(json.dumps(answers).encode(), None)
    if "repair" in fields:
        result["repair"] = fields["repair"]
    return result


def typed(fields: Mapping[str, Field]) -> dict[str, str]:
    """The texts and ticks of the form, to fill it in again. Browsers let no page choose a file."""
    return {name: field.data.decode("utf-8", "replace") for name, field in fields.items() if not name.endswith(_FILE)}
