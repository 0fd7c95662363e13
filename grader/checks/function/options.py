"""The options of a function question in ``assignment.toml``, and the author's files that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from grader.assignment import Assignment, Question
from grader.check import Options
from grader.checks.function.values import Tolerance

_LANGUAGE_LINE = re.compile(r"^([a-z]{2}(?:-[A-Za-z]+)*|points):[ \t]*(.*)$")

Aspect = Literal["result", "arguments"]
"""What a call gives: its returned value, or its arguments as they are afterwards."""
ASPECTS: tuple[Aspect, ...] = ("result", "arguments")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Group(_Data):
    """A group of cases with points of its own: the aspects of its ``cases``, which name kinds that ``cases`` yields."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    points: float = Field(ge=0)
    title: Mapping[str, str]
    cases: tuple[str, ...] = Field(min_length=1)
    compare: tuple[Aspect, ...] = ASPECTS


class FunctionOptions(Options):
    """``entry`` is the function; ``folder`` holds the author's files (see `AuthorFiles`).

    ``aliases`` are other names of the reference's parameters.
    """

    entry: str
    folder: str
    groups: tuple[Group, ...] = Field(min_length=1)
    tolerance: Tolerance = Tolerance()
    aliases: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_unique(self) -> FunctionOptions:
        names = [group.name for group in self.groups]
        if len(set(names)) != len(names):
            raise ValueError("two groups have the same name")
        return self


class KnownMistake(_Data):
    """A wrong function of the author's: its ``id`` is the file's name, its texts the docstring's."""

    id: str
    text: Mapping[str, str]
    points: float | None = None
    """The points of a function that behaves exactly like it; ``None``: those of the groups that agree."""
    source: str = Field(repr=False)


class AuthorFiles:
    """The author's files of a question: ``reference.py``, ``cases.py``, ``mistakes``, ``correct`` and ``property.py``.

    Raises ``ValueError`` when one is missing or unusable.
    """

    def __init__(self, assignment: Assignment, question: Question) -> None:
        self.options = question.typed_options(FunctionOptions)
        self._files, self._folder = assignment.files, self.options.folder.strip("/")
        self.reference, self.cases = self._text("reference.py"), self._text("cases.py")
        self.property = assignment.files.get(f"{self._folder}/property.py")

    def _text(self, name: str) -> str:
        path = f"{self._folder}/{name}"
        if path not in self._files:
            raise ValueError(f"the assignment has no file {path}")
        return self._files[path]

    @cached_property
    def mistakes(self) -> tuple[KnownMistake, ...]:
        """The known mistakes in the order of their ids."""
        return tuple(_mistake(name, text) for name, text in self._in("mistakes").items())

    @cached_property
    def correct(self) -> Mapping[str, str]:
        """Other right ways to write the function, by file name without its ending."""
        return self._in("correct")

    def _in(self, folder: str) -> dict[str, str]:
        prefix = f"{self._folder}/{folder}/"
        names = sorted(name for name in self._files if name.startswith(prefix) and name.endswith(".py"))
        return {name.removeprefix(prefix).removesuffix(".py"): self._files[name] for name in names}


def problems(assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
    """Options and files that cannot be used, beyond their types: no code of the author's runs for this."""
    try:
        files = AuthorFiles(assignment, question)
    except ValueError as error:
        yield "folder", str(error)
        return
    points = sum(group.points for group in files.options.groups)
    if abs(points - question.points) > 1e-9:
        yield "groups", f"have {points:g} points together, not {question.points:g}"
    try:
        mistakes = files.mistakes
    except ValueError as error:
        yield "folder", str(error)
        return
    for mistake in mistakes:
        if mistake.points is not None and not 0 <= mistake.points <= question.points:
            what = f"the mistake {mistake.id} is worth 0 to {question.points:g} points, not {mistake.points:g}"
            yield "folder", what


_READ: dict[tuple[str, str], AuthorFiles] = {}
_MOST_READ = 256


def author_files(assignment: Assignment, question: Question) -> AuthorFiles:
    """The author's files of a question, read once for an assignment's digest. Raises ``ValueError``."""
    key = (assignment.digest, question.number)
    if not assignment.digest:
        return AuthorFiles(assignment, question)
    if key not in _READ:
        if len(_READ) >= _MOST_READ:
            _READ.clear()
        _READ[key] = AuthorFiles(assignment, question)
    return _READ[key]


def _mistake(name: str, source: str) -> KnownMistake:
    """Read the docstring: lines ``en: ...``, ``zh-Hant: ...``, ``points: 0.1``; others continue the one above."""
    fields: dict[str, str] = {}
    current = None
    for line in docstring(source).splitlines():
        match = _LANGUAGE_LINE.match(line.strip())
        if match is not None:
            current = match[1]
            fields[current] = match[2]
        elif current is not None and line.strip():
            fields[current] = f"{fields[current]} {line.strip()}"
    points: Any = fields.pop("points", None)
    if "en" not in fields:
        raise ValueError(f"mistakes/{name}.py: the docstring has no line 'en: ...'")
    try:
        return KnownMistake(id=name, text=fields, points=None if points is None else float(points), source=source)
    except ValueError as error:
        raise ValueError(f"mistakes/{name}.py: the docstring: {error}") from error


def docstring(source: str) -> str:
    """The module docstring of a source that Python can read, else an empty text."""
    try:
        return ast.get_docstring(ast.parse(source)) or ""
    except (SyntaxError, ValueError, RecursionError):
        return ""
