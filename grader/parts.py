"""The parts of a submission: the kinds that there are, and what an assignment says of each of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from grader.intake import notebook

KIB, MIB = 2**10, 2**20
MOST_BYTES = 32 * MIB
"""The largest size that an assignment may allow for a part."""
MOST_PARTS = 32
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
RESERVED_NAMES = frozenset({"assignment", "student", "repair"})
"""The other fields of the form in which parts are submitted."""

Text = dict[str, str]
"""A text by language: ``en`` always, others as translated."""


class PartKind(StrEnum):
    """What a part holds. The kind decides its usual size and files, and how it is read and shown."""

    CODE = "code"
    TEXT = "text"
    ANSWERS = "answers"
    PICTURE = "picture"
    TABLE = "table"
    WEIGHTS = "weights"


@dataclass(frozen=True)
class _KindFacts:
    """``size`` in bytes unless the assignment says otherwise; ``suffixes`` of its own files, the usual one first.

    ``in_outputs``: outputs of notebooks can hold it.
    """

    size: int
    suffixes: tuple[str, ...]
    is_text: bool = True
    in_outputs: bool = False


_KINDS: Mapping[PartKind, _KindFacts] = {
    PartKind.CODE: _KindFacts(notebook.BYTE_LIMIT, (".py", ".ipynb")),
    PartKind.TEXT: _KindFacts(MIB, (".txt",), in_outputs=True),
    PartKind.ANSWERS: _KindFacts(64 * KIB, (".json",)),
    PartKind.PICTURE: _KindFacts(10 * MIB, (".png", ".jpg", ".jpeg"), is_text=False, in_outputs=True),
    PartKind.TABLE: _KindFacts(MIB, (".csv",), in_outputs=True),
    PartKind.WEIGHTS: _KindFacts(8 * MIB, (".safetensors", ".pt", ".pth"), is_text=False),
}


def is_text(kind: PartKind) -> bool:
    """Whether parts of this kind can be shown and compared as text."""
    return _KINDS[kind].is_text


class PartDefinition(BaseModel):
    """A part that students may submit to an assignment.

    ``files`` are patterns of usual file names in lower case, the most telling first. ``size`` is its limit in bytes.
    ``option`` is its option on the command line, if that is not its name. ``outputs`` are words by which an output of a
    notebook is offered for it: a text that contains one of them, a picture whose cell does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    kind: PartKind
    title: Text
    hint: Text = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    option: str | None = None
    outputs: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(default=(), max_length=20)
    size: Annotated[int, Field(gt=0, le=MOST_BYTES)] | None = None

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in RESERVED_NAMES:
            raise ValueError(f"{name} is another field of the form")
        return name

    @model_validator(mode="after")
    def _can_be_an_output(self) -> Self:
        if self.outputs and not _KINDS[self.kind].in_outputs:
            raise ValueError(f"outputs: no output of a notebook holds a part of the kind {self.kind}")
        return self

    @property
    def limit(self) -> int:
        """The largest size in bytes."""
        return self.size or _KINDS[self.kind].size

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of its files, each with its dot."""
        return _KINDS[self.kind].suffixes

    @property
    def is_text(self) -> bool:
        """Whether it can be shown and compared as text."""
        return _KINDS[self.kind].is_text

    def is_empty(self, data: bytes) -> bool:
        """Whether an upload of this part has no content. Browsers send the unused fields of a form as empty ones."""
        return not data.strip() if self.is_text else not data


def usual_file_names(parts: Sequence[PartDefinition]) -> dict[str, tuple[str, ...]]:
    """By part the patterns of its usual file names in lower case, the most telling first.

    The only part of its kind is every file of that kind, unless the assignment names its ``files``.
    """
    kinds = Counter(part.kind for part in parts)
    patterns = {}
    for part in parts:
        exact = [f"{part.name}{suffix}" for suffix in part.suffixes]
        similar = [f"*{part.name}*{suffix}" for suffix in part.suffixes]
        any_name = [f"*{suffix}" for suffix in part.suffixes] if kinds[part.kind] == 1 else []
        patterns[part.name] = part.files or (*exact, *similar, *any_name)
    return patterns
