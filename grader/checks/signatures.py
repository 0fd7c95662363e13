"""The parameters of a student's function, a claim of the student's zone that is checked here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_PARAMETERS, MAX_NAME = 64, 64


class Kind(StrEnum):
    """How an argument reaches a parameter, as in ``inspect``."""

    POSITIONAL_ONLY = "positional_only"
    POSITIONAL_OR_KEYWORD = "positional_or_keyword"
    VAR_POSITIONAL = "var_positional"
    KEYWORD_ONLY = "keyword_only"
    VAR_KEYWORD = "var_keyword"


VARIADIC = (Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD)


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its kind, and whether it has a default."""

    name: str
    kind: Kind
    default: bool


def read_parameters(listed: object) -> tuple[Parameter, ...] | None:
    """The claimed parameters, or None for a claim that ``inspect`` cannot make."""
    if not isinstance(listed, list) or len(listed) > MAX_PARAMETERS:
        return None
    parameters = []
    for entry in listed:
        if not isinstance(entry, dict) or not {"name", "kind", "default"} <= entry.keys():
            return None
        name, kind, default = entry["name"], entry["kind"], entry["default"]
        if not isinstance(name, str) or not name.isidentifier() or len(name) > MAX_NAME:
            return None
        if kind not in [*Kind] or not isinstance(default, bool):
            return None
        parameters.append(Parameter(name, Kind(kind), default))
    if len({parameter.name for parameter in parameters}) < len(parameters):
        return None
    return tuple(parameters)


def plain_name(name: str) -> str:
    """A name in lower case without underscores, for comparing names."""
    return name.lower().replace("_", "")
