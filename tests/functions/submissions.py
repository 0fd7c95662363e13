"""Submissions to `prune-quantize` from tables: ``--- name`` begins a row, its code follows."""

from __future__ import annotations

import re
from pathlib import Path

from grader.assignment import bundled
from grader.submission import Part, SubmittedParts

FOLDER = Path(__file__).parent
_BUNDLED = bundled("prune-quantize")
ASSIGNMENT = _BUNDLED.model_copy(update={"sandbox": {**_BUNDLED.sandbox, "wall_seconds": 600}})
"""With a wall time that no busy machine uses up: what never ends meets the limits on processor and idle time."""
NUMBERS = {str(question.entry): question.number for question in ASSIGNMENT.questions if question.check == "function"}


def rows(path: Path) -> dict[str, str]:
    """The code of each row by its name."""
    pieces = re.split(r"^--- (.*)\n", path.read_text(encoding="utf-8"), flags=re.M)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def of_code(code: str) -> SubmittedParts:
    """A submission with nothing but code."""
    return SubmittedParts({"code": Part(code.encode())})
