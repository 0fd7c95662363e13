"""The texts for students: every text by message id and language, from the TOML files here and of the checks.

A text is a template with named fields, ``{name}`` or ``{got:.6g}``, for the parameters of a note. Parameters come
partly from student code, so a field is a plain name: no attributes, no indices. Words in double square brackets are
omitted when a parameter in them is missing, empty or zero: ``[[ ({place})]]``. The field ``place`` says where the
``line`` of the parameters is, ``places`` where their ``lines`` are. ``{count:layer is|layers are}`` chooses by number.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from grader.evidence import Note
from grader.messages import places
from grader.messages.places import place as place

LANGUAGES = ("en", "zh-Hant")
"""Every message has a text in each of these; the first one replaces any other language."""
_FOLDER = Path(__file__).parent
_VALUE_LIMIT = 300
"""Most characters of one parameter in a text."""
_UNKNOWN = "?"
_IMPORTS = "intake.import_dropped"
_STATEMENTS = "intake.dropped"
SKIPPED = frozenset({_IMPORTS, _STATEMENTS})
"""Remarks on what did not run and changes nothing, which are one remark of a report."""
_OPTIONAL = re.compile(r"\[\[((?:(?!\[\[|\]\]).)*)\]\]", re.DOTALL)  # innermost brackets first


_FILES = [*sorted(_FOLDER.glob("*.toml")), *sorted(_FOLDER.parent.glob("checks/*/messages.toml"))]


def add(path: Path) -> None:
    """Add the texts of a kind of check that is not part of this package."""
    _FILES.append(path)
    catalogue.cache_clear()


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All texts: message id to language to template. Raises ``ValueError`` when two files share an id."""
    texts: dict[str, Mapping[str, str]] = {}
    for path in _FILES:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        twice = texts.keys() & entries.keys()
        if twice:
            raise ValueError(f"{path} repeats {', '.join(sorted(twice))}")
        texts |= entries
    return texts


def ids() -> frozenset[str]:
    """Every message id that has a text."""
    return frozenset(catalogue())


def once_a_report(questions: Iterable[Sequence[Note]]) -> list[tuple[Note, ...]]:
    """The messages of a report's questions, where one remark names all skipped imports and statements.

    Questions on one part skip nearly the same: the remark stands where the first one stood, with the imports of all and
    the statements of the first question that skips some.
    """
    listed = [tuple(notes) for notes in questions]
    skipped = [note for notes in listed for note in notes if note.id in SKIPPED]
    if not skipped:
        return listed
    modules = [module for note in skipped if note.id == _IMPORTS for module in _modules(note)]
    statements = next((note for note in skipped if note.id == _STATEMENTS), None)
    named = {"module": list(dict.fromkeys(modules))} if modules else {}
    params = {**(statements or skipped[0]).params, **named}
    remark = [Note(id=_IMPORTS if statements is None else _STATEMENTS, params=params)]
    said_once: list[tuple[Note, ...]] = []
    for notes in listed:
        said: list[Note] = []
        for note in notes:
            if note.id not in SKIPPED:
                said.append(note)
            elif remark:
                said.append(remark.pop())
        said_once.append(tuple(said))
    return said_once


def _modules(note: Note) -> list[Any]:
    # Evidence of former versions holds one module a note.
    modules = note.params.get("module")
    return modules if isinstance(modules, list) else [modules]


def render(note: Note, language: str = LANGUAGES[0]) -> str:
    """The note's text in a language. An id without a text reads as the id itself; a missing parameter as ``?``."""
    texts = catalogue().get(note.id)
    if texts is None:
        return note.id
    template = texts.get(language) or texts[LANGUAGES[0]]
    params = {**note.params, **places.of_params(note.params, language)}
    while _OPTIONAL.search(template):
        template = _OPTIONAL.sub(lambda match: _if_complete(match[1], params), template)
    return _Formatter(language).vformat(template, (), params)


def without_values(key: str, language: str = LANGUAGES[0]) -> str:
    """The text of an id in a language, with ``…`` for each value that differs between students."""
    fields = re.findall(r"\{(\w+)", catalogue().get(key, {}).get(LANGUAGES[0], ""))
    return render(Note(id=key, params=dict.fromkeys(fields, "…")), language)


def _if_complete(words: str, params: Mapping[str, Any]) -> str:
    fields = [name for _, name, _, _ in string.Formatter().parse(words) if name is not None]
    return words if all(params.get(name) for name in fields) else ""


class _Formatter(string.Formatter):
    """``str.format`` for values of any kind: it looks up nothing inside a value and never raises."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs.get(field_name), field_name

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return value

    def format_field(self, value: Any, format_spec: str) -> str:
        one, separator, several = format_spec.partition("|")
        if separator:
            return one if value == 1 else several
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(value, format_spec)
        if isinstance(value, Mapping):
            value = value.get(self._language) or value.get(LANGUAGES[0])
        if value is None:
            return _UNKNOWN
        if isinstance(value, str):
            return _plain(value)
        if isinstance(value, Sequence):
            # Numbers in a list are a shape, which is written as in code.
            is_shape = all(isinstance(item, int) for item in value)
            items = [str(item) if isinstance(item, int) else self.format_field(item, "") for item in value]
            return (", " if is_shape else places.comma(self._language)).join(items)
        return _plain(str(value))


def _number(value: float, format_spec: str) -> str:
    """A number in the template's own format, or else with separated thousands and six digits."""
    try:
        return format(value, format_spec or ("," if isinstance(value, int) else ",.6g"))
    except (ValueError, OverflowError):
        return _plain(repr(value)) if isinstance(value, float) else _UNKNOWN


def _plain(text: str) -> str:
    """One line of printable text."""
    line = "".join(character if character.isprintable() else " " for character in text[: _VALUE_LIMIT + 1])
    return line if len(line) <= _VALUE_LIMIT else f"{line[:_VALUE_LIMIT]}..."
