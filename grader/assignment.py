"""An assignment as data: questions, points, limits, keys. A course edits the folder, not the code."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from grader import assignment_upgrade, spelling
from grader.parts import MOST_PARTS, PartDefinition, PartKind, Text
from grader.submission import Part

ASSIGNMENTS = Path(__file__).parent / "assignments"
_Options = TypeVar("_Options", bound=BaseModel)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_OPTION_IN_TEXT = re.compile(r"\{([a-z_]+)\}")


class Tell(StrEnum):
    """When students read the result of a question. `grader.telling` decides with it."""

    AT_ONCE = "at once"
    AFTER_DEADLINE = "after the deadline"
    WHEN_RELEASED = "when released"


class ItemDefinition(_Data):
    """A review item: its text by language, the points that it takes off, and the digit that ticks it.

    Publishing adds it to the items that graders have; what graders changed since stays.
    """

    text: Text
    deduction: float = Field(default=0, ge=0)
    key: int | None = Field(default=None, ge=1, le=9)


class Question(_Data):
    """One question of the rubric: ``text`` is the task in Markdown, ``options`` belong to its check.

    Without ``tell`` the schedule, or its check and the deadline, decide when students read the result: see
    `grader.telling`.
    """

    number: str
    check: str
    points: float = Field(ge=0)
    parts: tuple[str, ...]
    title: Text
    text: Text = Field(default_factory=dict)
    tell: Tell | None = None
    items: tuple[ItemDefinition, ...] = Field(default=(), max_length=50)
    options: Mapping[str, Any] = Field(default_factory=dict)
    _typed_options: tuple[Mapping[str, Any], BaseModel] | None = PrivateAttr(None)

    def typed_options(self, options_type: type[_Options]) -> _Options:
        """The options as the type of its check, read once. Raises ``pydantic.ValidationError``."""
        former = self._typed_options
        # A copy of a question with other options has the private attributes of the original.
        if former is not None and former[0] is self.options and isinstance(former[1], options_type):
            return former[1]
        options = options_type.model_validate(dict(self.options))
        self._typed_options = (self.options, options)
        return options

    @property
    def entry(self) -> str | None:
        """The function or class that the question calls in its part of code, if it calls any."""
        return self.options.get("entry")

    def task(self, language: str) -> str:
        """The text of the question. ``{name}`` stands for the option of this name if that is a number."""
        numbers = {"points": self.points, **self.options}

        def value(match: re.Match[str]) -> str:
            number = numbers.get(match[1])
            if type(number) is float:
                return f"{number:g}"
            return f"{number:,}" if type(number) is int else match[0]

        return _OPTION_IN_TEXT.sub(value, self.text.get(language) or self.text.get("en", ""))


class LateRule(_Data):
    """The percent of its points that a late submission loses for each begun day, and the most days it may be late."""

    percent_per_day: float = Field(ge=0, le=100)
    most_days: PositiveInt


class Schedule(_Data):
    """When students can submit, how often a day, and which attempt counts. See `grader.lateness`.

    Without a ``late`` rule nobody can submit after the deadline and its grace.
    """

    opens: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    grace_minutes: int = Field(default=0, ge=0, le=14 * 24 * 60)
    late: LateRule | None = None
    attempts_per_day: PositiveInt = 20
    keep: Literal["best", "latest"] = "best"
    gradebook: Literal["final", "provisional"] = "final"
    """What a learning platform shows while the attempt that counts waits for review and there was a final score."""
    tell: Tell | None = None
    """When students read the results of questions that do not say so themselves."""

    @model_validator(mode="after")
    def _times_fit(self) -> Schedule:
        if self.deadline is None:
            if self.late is not None or self.grace_minutes:
                raise ValueError("grace_minutes and late need a deadline")
            if self.tell is Tell.AFTER_DEADLINE:
                raise ValueError('tell = "after the deadline" needs a deadline')
        elif self.opens is not None and self.opens >= self.deadline:
            raise ValueError("the assignment opens at or after its deadline")
        return self


class ReviewRules(_Data):
    """How people review: without the names of students, and how many percent of the reviews a second grader repeats."""

    hide_names: bool = False
    second_reading_percent: float = Field(default=0, ge=0, le=100)


def _has_known_parts(question: Question, info: ValidationInfo) -> Question:
    names = [part.name for part in info.data.get("parts", ())]
    unknown = sorted(set(question.parts) - set(names))
    if unknown and names:
        close = spelling.suggestion(unknown[0], names)
        raise ValueError(f"parts: unknown parts {unknown}; there are {', '.join(names)}{close}")
    return question


class Assignment(_Data):
    """One version of one assignment, as read from its folder."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    version: PositiveInt
    title: Text
    prelude: str = ""
    schedule: Schedule = Schedule()
    review: ReviewRules = ReviewRules()
    sandbox: Mapping[str, Any] = Field(default_factory=dict)
    parts: tuple[PartDefinition, ...] = Field(min_length=1, max_length=MOST_PARTS)
    questions: tuple[Annotated[Question, AfterValidator(_has_known_parts)], ...]
    baselines: Mapping[str, float] = Field(default_factory=dict)
    baselines_data: str | None = None
    """The data set on which the baselines were reached; ``None`` for any data set."""
    digest: str = ""
    """SHA-256 over the folder's files: two folders with equal digests grade alike."""
    files: Mapping[str, str] = Field(default_factory=dict, repr=False)
    """The folder's text files by name, so that a stored version can be graded again without the folder."""

    @model_validator(mode="after")
    def _names_fit(self) -> Assignment:
        numbers = [question.number for question in self.questions]
        if len(set(numbers)) != len(numbers):
            raise ValueError("two questions have the same number")
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise ValueError("two parts have the same name")
        waiting = [question.number for question in self.questions if question.tell is Tell.AFTER_DEADLINE]
        if waiting and self.schedule.deadline is None:
            raise ValueError(f'question {waiting[0]} has tell = "after the deadline", but there is no deadline')
        return self

    @property
    def max_score(self) -> float:
        """The points of all questions together."""
        return sum(question.points for question in self.questions)

    def baselines_on(self, data: str) -> Mapping[str, float]:
        """The baselines by name for an accuracy on this data set."""
        return self.baselines if self.baselines_data in (None, data) else {}

    def question(self, number: str) -> Question:
        """The question with this number. Raises ``KeyError``."""
        for question in self.questions:
            if question.number == number:
                return question
        raise KeyError(number)

    def part(self, name: str) -> PartDefinition:
        """The part with this name. Raises ``KeyError``."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def part_names(self, kind: PartKind, question: Question | None = None) -> tuple[str, ...]:
        """The names of the parts of a kind in the order of the form, of one question or of all."""
        return tuple(
            part.name for part in self.parts if part.kind is kind and (question is None or part.name in question.parts)
        )

    def by_kind(self, question: Question, parts: Mapping[str, Part]) -> dict[PartKind, Part]:
        """The submitted parts of a question: the first of each kind."""
        own = [part for part in reversed(self.parts) if part.name in question.parts and part.name in parts]
        return {part.kind: parts[part.name] for part in own}

    def code_parts(self, question: Question) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the question's own parts of code, and of the others, which may hold its entry point as well."""
        own = self.part_names(PartKind.CODE, question)
        return own, tuple(name for name in self.part_names(PartKind.CODE) if name not in own)

    def prelude_source(self) -> str:
        """Python text that runs before every submission, inside the sandbox."""
        return self.files[self.prelude] if self.prelude else ""


_NOT_IN_FILE = {"digest", "files"}
"""Fields of an assignment that are no keys of its `assignment.toml`."""


def read_folder(folder: Path) -> dict[str, str]:
    """The texts of an assignment's folder by name. Raises ``OSError`` or ``UnicodeDecodeError``."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".toml", ".py", ".json"}
    }


def load(folder: Path) -> Assignment:
    """Read an assignment's folder. Raises ``ValueError`` (pydantic's and TOML's are such) that says what is wrong."""
    texts = read_folder(folder)
    if "assignment.toml" not in texts:
        raise ValueError(f"{folder} has no assignment.toml")
    return from_files(texts)


def from_files(texts: Mapping[str, str]) -> Assignment:
    """Build an assignment from its files' texts, as ``load`` does and as a stored version needs."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        data = texts[name].encode()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    definition = assignment_upgrade.upgrade(tomllib.loads(texts["assignment.toml"]), _parts_of_hw13)
    for name in sorted(_NOT_IN_FILE & definition.keys()):
        raise ValueError(f"{name}: there is no such key")
    return Assignment(**definition, digest=digest.hexdigest(), files=dict(texts))


def _parts_of_hw13() -> Any:
    return tomllib.loads((ASSIGNMENTS / "hw13" / "assignment.toml").read_text(encoding="utf-8"))["parts"]


@cache
def bundled(slug: str) -> Assignment:
    """An assignment that ships with Assay. Raises ``KeyError`` for an unknown slug."""
    folder = ASSIGNMENTS / slug
    if not (folder / "assignment.toml").is_file() or folder.parent != ASSIGNMENTS:
        raise KeyError(slug)
    return load(folder)


def bundled_slugs() -> tuple[str, ...]:
    """The slugs of the assignments that ship with Assay."""
    return tuple(sorted(path.parent.name for path in ASSIGNMENTS.glob("*/assignment.toml")))
