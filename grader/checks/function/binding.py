"""How to call a function whose parameters may have other names or another order than the reference's.

Arguments bind by name first (the reference's names and the author's aliases), then by the reference's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.checks.signatures import VARIADIC, Kind, Parameter, plain_name, read_parameters


@dataclass(frozen=True)
class Binding:
    """A call: the reference's parameters by position, and by the student's keywords.

    ``unplaced`` and ``unknown`` say why no call is possible.
    """

    args: tuple[str, ...] = ()
    kwargs: Mapping[str, str] | None = None
    by_position: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    is_readable: bool = True

    @property
    def is_callable(self) -> bool:
        """Whether every argument has a place, and every parameter that needs one has an argument."""
        return self.is_readable and not self.unplaced and not self.unknown

    def text(self, entry: str) -> str:
        """The call as Python, with the reference's names in the place of values; keywords only where names differ."""
        keywords = [name if name == given else f"{given}={name}" for given, name in (self.kwargs or {}).items()]
        return f"{entry}({', '.join([*self.args, *keywords])})"

    @property
    def is_renamed(self) -> bool:
        """Whether the student's names or the way of calling differ from the reference's."""
        return bool(self.args) or any(given != name for given, name in (self.kwargs or {}).items())


def bind(
    listed: object, reference: Sequence[str], required: Sequence[str], aliases: Mapping[str, Sequence[str]]
) -> Binding:
    """The call for the parameters that a child claims.

    ``reference`` are the reference's parameters in order; ``required`` those that cases give.
    """
    parameters = read_parameters(listed)
    if parameters is None:
        return Binding(is_readable=False)
    plain = [parameter for parameter in parameters if parameter.kind not in VARIADIC]
    names: dict[str, str] = {}
    for name in reference:
        fitting = {plain_name(name), *map(plain_name, aliases.get(name, ()))}
        match = next((p for p in plain if plain_name(p.name) in fitting and p.name not in names), None)
        if match is not None:
            names[match.name] = name
    by_position = []
    unbound = [name for name in reference if name not in names.values()]
    for parameter in plain:
        if parameter.name not in names and unbound and (unbound[0] in required or not parameter.default):
            names[parameter.name] = unbound.pop(0)
            by_position.append(parameter.name)
    args, kwargs, left = _arguments(parameters, names, [name for name in unbound if name in required])
    return Binding(
        args=args,
        kwargs=kwargs,
        by_position=tuple(by_position),
        defaulted=tuple(p.name for p in plain if p.name not in names and p.default),
        unplaced=tuple(left),
        unknown=tuple(p.name for p in plain if p.name not in names and not p.default),
    )


def _arguments(
    parameters: Sequence[Parameter], names: Mapping[str, str], rest: list[str]
) -> tuple[tuple[str, ...], dict[str, str], list[str]]:
    """Arguments by position and keyword; ``rest`` goes to ``*args`` or ``**kwargs``, what is left over has no place."""
    kinds = {parameter.kind for parameter in parameters}
    spread = Kind.VAR_POSITIONAL in kinds and bool(rest)
    before = [p for p in parameters if p.kind in (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD)]
    args: list[str] = []
    kwargs: dict[str, str] = {}
    for parameter in parameters:
        if parameter.name not in names or parameter.kind in VARIADIC:
            continue
        if parameter.kind is Kind.POSITIONAL_ONLY or (spread and parameter in before):
            args.append(names[parameter.name])
        else:
            kwargs[parameter.name] = names[parameter.name]
    if spread:
        return (*args, *rest), kwargs, []
    if Kind.VAR_KEYWORD in kinds:
        return tuple(args), kwargs | {name: name for name in rest}, []
    return tuple(args), kwargs, rest
