"""How to call a loss whose parameters carry any names in any order.

Bound by name first (aliases below), then by the documented order ``student_logits, labels, teacher_logits, alpha,
temperature``. Parameters that are neither keep their defaults. A signature that leaves a choice open that cannot be
made is a finding, never a silent guess; the call that was made is always told to the student.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from grader.checks import claims
from grader.evidence import Note

MAX_PARAMETERS, MAX_NAME = 64, 64


class Role(StrEnum):
    """What a loss is given, in the documented order."""

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
    Role.STUDENT: (
        *(
            "studentlogits",
            "student",
            "studentoutputs",
            "studentoutput",
            "studentout",
            "slogits",
            "soutputs",
            "soutput",
        ),
        *("outputs", "output", "logits", "logit", "preds", "pred", "predictions", "prediction", "ypred", "yhat"),
        *("out", "inputs", "input", "s", "ys"),
    ),
    Role.LABELS: (
        *("labels", "label", "targets", "target", "y", "ya", "ytrue", "hardlabels", "hardtargets", "truelabels"),
        *("groundtruth", "gt", "truth"),
    ),
    Role.TEACHER: (
        *(
            "teacherlogits",
            "teacher",
            "teacheroutputs",
            "teacheroutput",
            "teacherout",
            "tlogits",
            "toutputs",
            "toutput",
        ),
        *("softlabels", "softtargets", "yteacher", "yt"),
    ),
    Role.ALPHA: ("alpha", "α", "alph", "lambda", "lambd", "lam"),
    Role.TEMPERATURE: ("temperature", "temp", "tau", "τ", "kdt"),
}
"""Names without underscores in lower case; an earlier alias wins over a later one."""

PARTS: tuple[tuple[str, Role], ...] = (
    ("temperature", Role.TEMPERATURE),
    ("alpha", Role.ALPHA),
    ("teacher", Role.TEACHER),
    ("student", Role.STUDENT),
    ("softlabel", Role.TEACHER),
    ("softtarget", Role.TEACHER),
    ("label", Role.LABELS),
    ("target", Role.LABELS),
)
"""What a longer name contains, tried in this order."""

NUMBER_WORDS: dict[Role, frozenset[str]] = {
    Role.TEMPERATURE: frozenset({"temp", "tmp", "tau"}),
    Role.ALPHA: frozenset({"alph", "ratio", "coef", "coeff", "coefficient", "lambda", "lambd", "lamda", "lam", "mix"}),
}
"""Words of a longer name that mean a number, whatever else it says: ``kd_temp``, ``teacher_ratio``."""

_LOGITS = frozenset(
    {"logits", "logit", "out", "output", "outputs", "pred", "preds", "scores", "prob", "probs", "y", "p"}
)
"""Words beside which ``s`` and ``t`` mean student and teacher: ``logits_t``, ``s_pred``."""

SETTINGS = frozenset({"cfg", "config", "params", "args", "opt", "hparams", "settings"})

NEITHER = frozenset(
    {"yb", "epoch", "epochs", "step", "reduction", "device", "weight", "eps", "epsilon", "gamma", "numclasses"}
    | SETTINGS
)
"""Names of parameters that are never taken for alpha or the temperature because of their place."""


@dataclass(frozen=True)
class Plan:
    """A call: roles by position and by keyword, and for a class the keywords of its constructor."""

    entry: str
    args: tuple[Role, ...]
    kwargs: Mapping[str, Role]
    init_kwargs: Mapping[str, Role] | None = None
    by_position: tuple[str, ...] = ()
    """Parameters whose names said nothing, bound by the documented order."""
    left_alone: tuple[str, ...] = ()
    """Further parameters, which keep their defaults."""

    @property
    def roles(self) -> frozenset[Role]:
        """What reaches the loss."""
        reached = frozenset((*self.args, *self.kwargs.values(), *(self.init_kwargs or {}).values()))
        return reached | frozenset(NUMBERS) if Role.SETTINGS in reached else reached

    def text(self) -> str:
        """The call as Python, with the roles for values."""
        call = ", ".join([*self.args, *(f"{name}={role}" for name, role in self.kwargs.items())])
        if self.init_kwargs is None:
            return f"{self.entry}({call})"
        return f"{self.entry}({', '.join(f'{name}={role}' for name, role in self.init_kwargs.items())})({call})"

    def notes(self) -> tuple[Note, ...]:
        """What the student should know about the call."""
        notes = []
        if self.by_position:
            notes.append(Note(id="kd.call.by_position", params={"names": ", ".join(self.by_position)}))
        if self.left_alone:
            notes.append(Note(id="kd.call.left_alone", params={"names": ", ".join(self.left_alone)}))
        notes += [Note(id=f"kd.call.no_{role}") for role in NUMBERS if role not in self.roles]
        return tuple(notes)


def other_readings(plan: Plan) -> list[Plan]:
    """Other calls that the signature allows, where names did not say which number is which."""
    found = []
    bound = {name: role for name, role in {**plan.kwargs, **(plan.init_kwargs or {})}.items() if role in NUMBERS}
    if len(bound) == len(NUMBERS) and bound.keys() <= set(plan.by_position):
        exchanged = dict(zip(NUMBERS, reversed(NUMBERS), strict=True))
        kwargs = {name: exchanged.get(role, role) for name, role in plan.kwargs.items()}
        init = {name: exchanged.get(role, role) for name, role in (plan.init_kwargs or {}).items()}
        found.append(replace(plan, kwargs=kwargs, init_kwargs=None if plan.init_kwargs is None else init))
    missing = [role for role in NUMBERS if role not in plan.roles]
    if len(missing) == 1 and plan.init_kwargs is None:
        for name in plan.left_alone:
            left = tuple(other for other in plan.left_alone if other != name)
            kwargs = {**plan.kwargs, name: missing[0]}
            found.append(replace(plan, kwargs=kwargs, by_position=(*plan.by_position, name), left_alone=left))
    return found


class _Kind(StrEnum):
    POSITIONAL_ONLY = "positional_only"
    POSITIONAL_OR_KEYWORD = "positional_or_keyword"
    VAR_POSITIONAL = "var_positional"
    KEYWORD_ONLY = "keyword_only"
    VAR_KEYWORD = "var_keyword"


_VARIADIC = (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD)


@dataclass(frozen=True)
class _Parameter:
    name: str
    kind: _Kind
    default: bool


@dataclass
class _Binding:
    """The parameters of one callable, and the role that each was found to have.

    ``given`` are roles that are taken already, by a constructor.
    """

    parameters: tuple[_Parameter, ...]
    given: frozenset[Role] = frozenset()
    roles: dict[str, Role] = field(default_factory=dict)
    by_position: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plain = tuple(parameter for parameter in self.parameters if parameter.kind not in _VARIADIC)

    def has(self, kind: _Kind) -> bool:
        return any(parameter.kind is kind for parameter in self.parameters)

    def open(self) -> list[_Parameter]:
        return [parameter for parameter in self.plain if parameter.name not in self.roles]

    def unfilled(self, roles: tuple[Role, ...]) -> list[Role]:
        return [role for role in roles if role not in self.roles.values() and role not in self.given]

    def place(self, name: str, role: Role) -> None:
        self.roles[name] = role
        self.by_position.append(name)


def bind(entry: str, answer: Mapping[str, Any]) -> Plan | Note:
    """The call for a child's ``loss.inspect`` answer, which is the student's claim and is checked here.

    A `Note` says why no call can be made: its id begins with ``kd.signature.``.
    """
    parameters = _read(answer.get("parameters"))
    init = _read(answer.get("init")) if answer.get("kind") == "class" else ()
    if parameters is None or init is None:
        return Note(id="kd.signature.unreadable", params={"signature": claims.text(answer.get("signature"))})
    constructor = _Binding(init)
    _by_name(constructor, NUMBERS)
    _settings(constructor)
    for parameter, role in zip(_required(constructor), constructor.unfilled(NUMBERS), strict=False):
        constructor.place(parameter.name, role)

    given = frozenset(constructor.roles.values())
    call = _Binding(parameters, given | frozenset(NUMBERS) if Role.SETTINGS in given else given)
    _by_name(call, (*TENSORS, *NUMBERS))
    _by_documented_order(call)
    _settings(call)
    for bound in (constructor, call):
        if unknown := _required(bound):
            return Note(id="kd.signature.unknown_parameter", params={"name": unknown[0].name})

    args, kwargs = _arguments(call)
    for role in TENSORS:
        if role not in args and role not in kwargs.values():
            return Note(id="kd.signature.no_place", params={"role": role.value})
    taken_first = [parameter for parameter in constructor.plain if parameter.kind is not _Kind.POSITIONAL_ONLY]
    init_kwargs = {p.name: constructor.roles[p.name] for p in taken_first if p.name in constructor.roles}
    return Plan(
        entry=entry,
        args=args,
        kwargs=kwargs,
        init_kwargs=init_kwargs if answer.get("kind") == "class" else None,
        by_position=(*constructor.by_position, *call.by_position),
        left_alone=tuple(parameter.name for parameter in (*constructor.open(), *call.open())),
    )


def _read(listed: object) -> tuple[_Parameter, ...] | None:
    """The parameters as claimed, or None for anything that ``inspect`` could not have said."""
    if not isinstance(listed, list) or len(listed) > MAX_PARAMETERS:
        return None
    parameters = []
    for entry in listed:
        if not isinstance(entry, dict) or not {"name", "kind", "default"} <= entry.keys():
            return None
        name, kind, default = entry["name"], entry["kind"], entry["default"]
        if not isinstance(name, str) or not name.isidentifier() or len(name) > MAX_NAME:
            return None
        if kind not in [*_Kind] or not isinstance(default, bool):
            return None
        parameters.append(_Parameter(name, _Kind(kind), default))
    if len({parameter.name for parameter in parameters}) < len(parameters):
        return None
    return tuple(parameters)


def _required(binding: _Binding) -> list[_Parameter]:
    return [parameter for parameter in binding.open() if not parameter.default]


def _by_name(binding: _Binding, wanted: tuple[Role, ...]) -> None:
    """Give each role to the parameter whose name says it best; of equals, the first."""
    best: dict[Role, tuple[int, str]] = {}
    for parameter in binding.plain:
        found = _meaning(parameter.name)
        if found is not None and found[0] in wanted and (found[0] not in best or found[1] < best[found[0]][0]):
            best[found[0]] = (found[1], parameter.name)
    binding.roles |= {name: role for role, (_, name) in best.items()}
    _single_letters(binding, wanted)


def _meaning(name: str) -> tuple[Role, int] | None:
    plain = _plain(name)
    for role, aliases in ALIASES.items():
        if plain in aliases:
            return role, aliases.index(plain)
    longest = max(map(len, ALIASES.values()))
    letters = set(name.split("_")) - _LOGITS
    if len(letters) == 1 and len(name) > 1 and letters <= {"s", "t"}:
        return (Role.STUDENT if letters == {"s"} else Role.TEACHER), longest
    words = set(name.lower().split("_"))
    number = next((role for role, known in NUMBER_WORDS.items() if words & known), None)
    if number is not None:
        return number, longest + 1 + len(PARTS)
    return next(((role, longest + 1 + rank) for rank, (part, role) in enumerate(PARTS) if part in plain), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _single_letters(binding: _Binding, wanted: tuple[Role, ...]) -> None:
    """``a`` and ``t`` are alpha and the temperature where numbers stand; among the tensors ``t`` is the teacher."""
    for index, parameter in enumerate(binding.plain):
        among_tensors = Role.STUDENT in wanted and index < len(TENSORS) and not parameter.default
        meanings = {"t": Role.TEACHER} if among_tensors else {"t": Role.TEMPERATURE, "a": Role.ALPHA}
        role = meanings.get(parameter.name.lower())
        if role in binding.unfilled(wanted):
            binding.roles[parameter.name] = role


def _settings(binding: _Binding) -> None:
    """``params`` in ``loss_fn_kd(outputs, labels, teacher_outputs, params)``, where alpha and T have no place else."""
    if binding.unfilled(NUMBERS) != list(NUMBERS):
        return
    for parameter in binding.open():
        if _plain(parameter.name) in SETTINGS:
            binding.roles[parameter.name] = Role.SETTINGS
            return


def _by_documented_order(binding: _Binding) -> None:
    """Give the roles that no name claimed to the parameters whose names say nothing."""
    for parameter, role in zip(_required(binding), binding.unfilled(TENSORS), strict=False):
        binding.place(parameter.name, role)
    documented = (*TENSORS, *NUMBERS)
    for index, role in enumerate(documented):
        if role in binding.unfilled(documented) and index < len(binding.plain):
            parameter = binding.plain[index]
            if parameter.name not in binding.roles and _plain(parameter.name) not in NEITHER:
                binding.place(parameter.name, role)
    unknown = [parameter for parameter in _required(binding) if _plain(parameter.name) not in NEITHER]
    for parameter, role in zip(unknown, binding.unfilled(NUMBERS), strict=False):
        binding.place(parameter.name, role)
    left = [parameter for parameter in binding.open() if _plain(parameter.name) not in NEITHER]
    numbers = binding.unfilled(NUMBERS)
    if len(left) == len(numbers) == 1:
        binding.place(left[0].name, numbers[0])  # `T=4, beta=0.9`: the one number that is left takes the one place


def _arguments(binding: _Binding) -> tuple[tuple[Role, ...], dict[str, Role]]:
    """Arguments by position and by keyword, with ``*args`` and ``**kwargs`` for roles that no parameter takes."""
    rest = binding.unfilled(TENSORS)
    numbers = [] if Role.SETTINGS in binding.roles.values() else binding.unfilled(NUMBERS)
    catch_all = {}
    if binding.has(_Kind.VAR_KEYWORD):
        if not binding.has(_Kind.VAR_POSITIONAL):
            numbers, rest = [*rest, *numbers], []
        catch_all = {role.value: role for role in numbers if role.value not in {p.name for p in binding.plain}}
        numbers = []
    spread = (*rest, *numbers) if binding.has(_Kind.VAR_POSITIONAL) else ()
    if spread and numbers and Role.ALPHA not in numbers:
        spread = tuple(rest)  # `*args` reads its values by position: a temperature there would be taken for alpha
    before = [p for p in binding.plain if p.kind in (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)]
    if any(parameter.name not in binding.roles for parameter in before):
        spread = ()

    args: list[Role] = []
    reachable = True
    kwargs: dict[str, Role] = {}
    for parameter in binding.plain:
        role = binding.roles.get(parameter.name)
        if parameter.kind is _Kind.POSITIONAL_ONLY or (spread and parameter in before):
            # A gap in the positional part hides what follows: its default cannot be passed on.
            reachable = reachable and role is not None
            if reachable and role is not None:
                args.append(role)
        elif role is not None:
            kwargs[parameter.name] = role
    return (*args, *spread), kwargs | catch_all
