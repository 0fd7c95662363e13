"""How to call a loss whose parameters may have any names and any order.

Parameters are bound by name first (aliases below), then by the documented order ``student_logits, labels,
teacher_logits, alpha, temperature``. All others keep their defaults. Where names leave a choice, `readings` has the
other calls that are tried. An ambiguous signature becomes a note and never a silent guess, and the report always shows
the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grader.checks.kd_loss.evidence import KDFact
from grader.checks.signatures import VARIADIC, Kind, Parameter, plain_name, read_parameters
from grader.evidence import Observation
from grader.sandbox import claims


class Role(StrEnum):
    """The argument that a parameter receives, in the documented order."""

    STUDENT = "student_logits"
    LABELS = "labels"
    TEACHER = "teacher_logits"
    ALPHA = "alpha"
    TEMPERATURE = "temperature"
    SETTINGS = "settings(alpha=alpha, temperature=temperature)"
    """Both numbers in one object, by attribute or by key: ``params.alpha``, ``params["temperature"]``."""


TENSORS = (Role.STUDENT, Role.LABELS, Role.TEACHER)
NUMBERS = (Role.ALPHA, Role.TEMPERATURE)

ALIASES: dict[Role, tuple[str, ...]] = {
    role: tuple(names.split())
    for role, names in {
        Role.STUDENT: "studentlogits student studentoutputs studentoutput studentout slogits soutputs soutput outputs "
        "output logits logit preds pred predictions prediction ypred yhat out inputs input s ys",
        Role.LABELS: "labels label gt groundtruth truth truelabels hardlabels hardtargets ytrue targets target y ya",
        Role.TEACHER: "teacherlogits teacher teacheroutputs teacheroutput teacherout tlogits toutputs toutput "
        "softlabels softtargets yteacher yt",
        Role.ALPHA: "alpha α alph lambda lambd lam",
        Role.TEMPERATURE: "temperature temp tau τ kdt",
    }.items()
}
"""Names in lower case without underscores; an earlier alias wins over a later one."""

NAME_FRAGMENTS: tuple[tuple[str, Role], ...] = (
    ("temperature", Role.TEMPERATURE),
    ("alpha", Role.ALPHA),
    ("teacher", Role.TEACHER),
    ("student", Role.STUDENT),
    ("softlabel", Role.TEACHER),
    ("softtarget", Role.TEACHER),
    ("label", Role.LABELS),
    ("target", Role.LABELS),
)
"""Fragments of longer names, tried in this order."""

NUMBER_WORDS: dict[Role, frozenset[str]] = {
    Role.TEMPERATURE: frozenset({"temp", "tmp", "tau"}),
    Role.ALPHA: frozenset({"alph", "ratio", "coef", "coeff", "coefficient", "lambda", "lambd", "lamda", "lam", "mix"}),
}
"""Words that make any longer name mean a number: ``kd_temp``, ``teacher_ratio``."""

_LOGITS = frozenset(
    {"logits", "logit", "out", "output", "outputs", "pred", "preds", "scores", "prob", "probs", "y", "p"}
)
"""Words beside which ``s`` and ``t`` mean student and teacher: ``logits_t``, ``s_pred``."""

SETTINGS_NAMES = frozenset({"cfg", "config", "params", "args", "opt", "hparams", "settings"})

NEITHER_NUMBER = frozenset(
    {"yb", "epoch", "epochs", "step", "reduction", "device", "weight", "eps", "epsilon", "gamma", "numclasses"}
    | SETTINGS_NAMES
)
"""Names of parameters that are never alpha or the temperature, even in their place."""


@dataclass(frozen=True)
class CallPlan:
    """A call: roles by position and by keyword, and for a class the keywords of its constructor."""

    entry: str
    args: tuple[Role, ...]
    kwargs: Mapping[str, Role]
    init_kwargs: Mapping[str, Role] | None = None
    by_position: tuple[str, ...] = ()
    """Parameters with unclear names, bound by the documented order."""
    defaulted: tuple[str, ...] = ()
    """Further parameters, which keep their defaults."""
    reordered: tuple[str, ...] = ()
    """Parameters that got another tensor than their names and the documented order suggest."""

    @property
    def roles(self) -> frozenset[Role]:
        """The arguments that reach the loss."""
        reached = frozenset((*self.args, *self.kwargs.values(), *(self.init_kwargs or {}).values()))
        return reached | frozenset(NUMBERS) if Role.SETTINGS in reached else reached

    def text(self) -> str:
        """The call as Python, with roles in the place of values."""
        call = ", ".join([*self.args, *(f"{name}={role}" for name, role in self.kwargs.items())])
        if self.init_kwargs is None:
            return f"{self.entry}({call})"
        return f"{self.entry}({', '.join(f'{name}={role}' for name, role in self.init_kwargs.items())})({call})"

    def notes(self) -> tuple[Observation, ...]:
        """Notes on the call for the student."""
        notes = []
        if self.reordered:
            notes.append(Observation(id=KDFact.CALL_ORDER_FITTED, params={"names": ", ".join(self.reordered)}))
        if self.by_position:
            notes.append(Observation(id=KDFact.CALL_BY_POSITION, params={"names": ", ".join(self.by_position)}))
        if self.defaulted:
            notes.append(Observation(id=KDFact.CALL_LEFT_ALONE, params={"names": ", ".join(self.defaulted)}))
        notes += [Observation(id=KDFact(f"kd.call.no_{role}")) for role in NUMBERS if role not in self.roles]
        return tuple(notes)


@dataclass
class _Binding:
    """The parameters of one callable, and the role of each; ``constructor_roles`` are bound by a constructor."""

    parameters: tuple[Parameter, ...]
    constructor_roles: frozenset[Role] = frozenset()
    roles: dict[str, Role] = field(default_factory=dict)
    by_position: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plain = tuple(parameter for parameter in self.parameters if parameter.kind not in VARIADIC)

    def has(self, kind: Kind) -> bool:
        return any(parameter.kind is kind for parameter in self.parameters)

    def unbound(self) -> list[Parameter]:
        return [parameter for parameter in self.plain if parameter.name not in self.roles]

    def unfilled(self, roles: tuple[Role, ...]) -> list[Role]:
        return [role for role in roles if role not in self.roles.values() and role not in self.constructor_roles]

    def bind_by_position(self, name: str, role: Role) -> None:
        self.roles[name] = role
        self.by_position.append(name)


def bind(entry: str, answer: Mapping[str, Any]) -> CallPlan | Observation:
    """The call for a child's ``loss.inspect`` answer, a claim of the student's zone that is checked here.

    A `Observation` with an id ``kd.signature.*`` says why no call is possible.
    """
    parameters = read_parameters(answer.get("parameters"))
    init = read_parameters(answer.get("init")) if answer.get("kind") == "class" else ()
    if parameters is None or init is None:
        return Observation(id=KDFact.SIGNATURE_UNREADABLE, params={"signature": claims.text(answer.get("signature"))})
    constructor = _Binding(init)
    _bind_by_name(constructor, NUMBERS)
    _bind_settings(constructor)
    for parameter, role in zip(_required(constructor), constructor.unfilled(NUMBERS), strict=False):
        constructor.bind_by_position(parameter.name, role)

    constructor_roles = frozenset(constructor.roles.values())
    if Role.SETTINGS in constructor_roles:
        constructor_roles |= frozenset(NUMBERS)
    call = _Binding(parameters, constructor_roles)
    _bind_by_name(call, (*TENSORS, *NUMBERS))
    _bind_by_documented_order(call)
    _bind_settings(call)
    for bound in (constructor, call):
        if unknown := _required(bound):
            return Observation(id=KDFact.SIGNATURE_UNKNOWN_PARAMETER, params={"name": unknown[0].name})

    args, kwargs = _arguments(call)
    for role in TENSORS:
        if role not in args and role not in kwargs.values():
            return Observation(id=KDFact.SIGNATURE_NO_PLACE, params={"role": role.value})
    by_keyword = [parameter.name for parameter in constructor.plain if parameter.kind is not Kind.POSITIONAL_ONLY]
    init_kwargs = {name: constructor.roles[name] for name in by_keyword if name in constructor.roles}
    return CallPlan(
        entry=entry,
        args=args,
        kwargs=kwargs,
        init_kwargs=init_kwargs if answer.get("kind") == "class" else None,
        by_position=(*constructor.by_position, *call.by_position),
        defaulted=tuple(parameter.name for parameter in (*constructor.unbound(), *call.unbound())),
    )


def _required(binding: _Binding) -> list[Parameter]:
    return [parameter for parameter in binding.unbound() if not parameter.default]


def _bind_by_name(binding: _Binding, wanted: tuple[Role, ...]) -> None:
    """Give each role to the parameter whose name fits it best; the first among equals."""
    best: dict[Role, tuple[int, str]] = {}
    for parameter in binding.plain:
        role, rank = meaning_of(parameter.name) or (None, 0)
        if role in wanted and (role not in best or rank < best[role][0]):
            best[role] = (rank, parameter.name)
    binding.roles |= {name: role for role, (_, name) in best.items()}
    _bind_single_letters(binding, wanted)


def meaning_of(name: str) -> tuple[Role, int] | None:
    """The role that a name suggests, and a rank: lower ranks fit better."""
    plain = plain_name(name)
    for role, aliases in ALIASES.items():
        if plain in aliases:
            return role, aliases.index(plain)
    longest = max(map(len, ALIASES.values()))
    letters = set(name.split("_")) - _LOGITS
    if len(letters) == 1 and len(name) > 1 and letters <= {"s", "t"}:
        return (Role.STUDENT if letters == {"s"} else Role.TEACHER), longest
    words = set(name.lower().split("_"))
    number = next((role for role, number_words in NUMBER_WORDS.items() if words & number_words), None)
    if number is not None:
        return number, longest + 1 + len(NAME_FRAGMENTS)
    return next(((role, longest + 1 + rank) for rank, (part, role) in enumerate(NAME_FRAGMENTS) if part in plain), None)


def _bind_single_letters(binding: _Binding, wanted: tuple[Role, ...]) -> None:
    """Bind ``a`` and ``t`` to alpha and the temperature; among the tensors ``t`` is the teacher."""
    for index, parameter in enumerate(binding.plain):
        among_tensors = Role.STUDENT in wanted and index < len(TENSORS) and not parameter.default
        meanings = {"t": Role.TEACHER} if among_tensors else {"t": Role.TEMPERATURE, "a": Role.ALPHA}
        role = meanings.get(parameter.name.lower())
        if role in binding.unfilled(wanted):
            binding.roles[parameter.name] = role


def _bind_settings(binding: _Binding) -> None:
    """Bind ``params`` in ``loss_fn_kd(outputs, labels, teacher_outputs, params)``, if alpha and T are not bound yet."""
    if binding.unfilled(NUMBERS) != list(NUMBERS):
        return
    for parameter in binding.unbound():
        if plain_name(parameter.name) in SETTINGS_NAMES:
            binding.roles[parameter.name] = Role.SETTINGS
            return


def _bind_by_documented_order(binding: _Binding) -> None:
    """Give the roles that no name fits to the parameters with unclear names."""
    for parameter, role in zip(_required(binding), binding.unfilled(TENSORS), strict=False):
        binding.bind_by_position(parameter.name, role)
    documented = (*TENSORS, *NUMBERS)
    for index, role in enumerate(documented):
        if role in binding.unfilled(documented) and index < len(binding.plain):
            parameter = binding.plain[index]
            if parameter.name not in binding.roles and plain_name(parameter.name) not in NEITHER_NUMBER:
                binding.bind_by_position(parameter.name, role)
    unknown = [parameter for parameter in _required(binding) if plain_name(parameter.name) not in NEITHER_NUMBER]
    for parameter, role in zip(unknown, binding.unfilled(NUMBERS), strict=False):
        binding.bind_by_position(parameter.name, role)
    candidates = [parameter for parameter in binding.unbound() if plain_name(parameter.name) not in NEITHER_NUMBER]
    numbers = binding.unfilled(NUMBERS)
    if len(candidates) == len(numbers) == 1:
        # `T=4, beta=0.9`: the last number gets the last parameter.
        binding.bind_by_position(candidates[0].name, numbers[0])


def _arguments(binding: _Binding) -> tuple[tuple[Role, ...], dict[str, Role]]:
    """Arguments by position and by keyword, with ``*args`` and ``**kwargs`` for roles without a parameter."""
    rest = binding.unfilled(TENSORS)
    numbers = [] if Role.SETTINGS in binding.roles.values() else binding.unfilled(NUMBERS)
    catch_all = {}
    if binding.has(Kind.VAR_KEYWORD):
        if not binding.has(Kind.VAR_POSITIONAL):
            numbers, rest = [*rest, *numbers], []
        catch_all = {role.value: role for role in numbers if role.value not in {p.name for p in binding.plain}}
        numbers = []
    spread = (*rest, *numbers) if binding.has(Kind.VAR_POSITIONAL) else ()
    if spread and numbers and Role.ALPHA not in numbers:
        spread = tuple(rest)  # `*args` reads its values by position: a temperature there would become alpha
    before = [p for p in binding.plain if p.kind in (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD)]
    if any(parameter.name not in binding.roles for parameter in before):
        spread = ()

    args: list[Role] = []
    reachable = True
    kwargs: dict[str, Role] = {}
    for parameter in binding.plain:
        role = binding.roles.get(parameter.name)
        if parameter.kind is Kind.POSITIONAL_ONLY or (spread and parameter in before):
            # A gap ends the positional arguments: later ones would fill it.
            reachable = reachable and role is not None
            if reachable and role is not None:
                args.append(role)
        elif role is not None:
            kwargs[parameter.name] = role
    return (*args, *spread), kwargs | catch_all
