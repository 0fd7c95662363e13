"""The sandbox policy as typed data, read from `policy.toml` and an assignment's overrides."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from grader.sandbox.syscalls import X86_64

FILE = Path(__file__).with_name("policy.toml")

Layer = Literal["seccomp", "landlock", "rlimits", "no_new_privs", "capabilities", "uid"]
DRILL = "ASSAY_SANDBOX_WITHOUT"
"""A variable that names layers to leave out, to see that the start is refused. It has no other effect."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Data):
    """Limits of one child. Sizes in MB (2^20 bytes) or KB (2^10), times in seconds."""

    cpu_seconds: PositiveFloat
    wall_seconds: PositiveFloat
    idle_seconds: PositiveFloat
    memory_mb: PositiveInt
    reserved_mb: PositiveInt
    stack_mb: PositiveInt
    open_files: PositiveInt
    threads: PositiveInt
    kept_output_kb: PositiveInt
    output_mb: PositiveInt
    reply_mb: PositiveInt
    torch_threads: PositiveInt

    def override(self, values: Mapping[str, Any]) -> Limits:
        """These limits with an assignment's own. Raises ``ValueError`` for a name that is no limit."""
        return Limits(**{**self.model_dump(), **values})


class FirstStage(_Data):
    """Limit of all children of a first stage together, as a multiple of the wall time of one."""

    wall_times: PositiveFloat


class Server(_Data):
    """How the fork server is run and replaced."""

    children: PositiveInt
    minutes: PositiveFloat
    threads: PositiveInt
    start_seconds: PositiveFloat
    spawn_seconds: PositiveFloat
    spare_kinds: int = Field(ge=0)
    exports: bool
    uid: int = Field(ge=0)
    free_uid: PositiveInt


class ControlGroup(_Data):
    """Allowances of a control group beyond the limits."""

    spare_mb: PositiveInt
    spare_threads: PositiveInt
    cores_a_thread: PositiveFloat


class Files(_Data):
    """Paths that a child may read."""

    read: tuple[str, ...]


class Allow(_Data):
    """System calls that are allowed with any arguments."""

    names: tuple[str, ...]
    reason: str


class Rule(_Data):
    """One condition on one argument; a call with rules is allowed when it meets them all."""

    name: str
    argument: int = Field(ge=0, le=5)
    errno: str
    reason: str
    deny_any_bit: tuple[str, ...] = ()
    deny_all_bits: tuple[str, ...] = ()
    need_all_bits: tuple[str, ...] = ()
    one_of: tuple[str | int, ...] = ()
    own_pid: bool = False
    null: bool = False


class Names(_Data):
    """System calls by name."""

    names: tuple[str, ...]


class Policy(_Data):
    """The whole of `policy.toml`.

    ``without`` leaves layers out, to see the floor refuse; ``landlock_abi`` caps the version of Landlock, as an older
    kernel would.
    """

    limits: Limits
    first_stage: FirstStage
    measuring: Mapping[str, Any]
    """Overrides of the limits for children of the later stage, which measure or train."""
    reading: Mapping[str, Any]
    """Overrides of the limits for children that read uploads."""
    server: Server
    control_group: ControlGroup
    files: Files
    allow: tuple[Allow, ...]
    rule: tuple[Rule, ...]
    absent: Names
    kill: Names
    without: frozenset[Layer] = frozenset()
    landlock_abi: PositiveInt | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The names that need no rule."""
        return tuple(name for group in self.allow for name in group.names)


@cache
def default() -> Policy:
    """The policy that ships with Assay."""
    policy = Policy(**tomllib.loads(FILE.read_text(encoding="utf-8")))
    policy_names = {*policy.allowed, *(rule.name for rule in policy.rule), *policy.absent.names, *policy.kill.names}
    unknown = policy_names - set(X86_64.numbers)
    if unknown:
        raise ValueError(f"policy.toml names system calls that are not in the tables: {sorted(unknown)}")
    return policy


def from_environment() -> Policy:
    """The default policy, without the layers that `DRILL` names. Raises ``ValueError`` for a name that is no layer."""
    names = {name.strip() for name in os.environ.get(DRILL, "").split(",")} - {""}
    unknown = names - set(get_args(Layer))
    if unknown:
        raise ValueError(f"{DRILL} names {', '.join(sorted(unknown))}; layers are {', '.join(get_args(Layer))}")
    return default().model_copy(update={"without": frozenset(names)}) if names else default()
