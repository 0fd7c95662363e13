"""Evidence: immutable, versioned facts about one question of one submission. Each check has a kind of its own.

Checks write evidence, scoring reads it (`grader.scoring`); nothing here decides points. A field may be added with a
default; a changed meaning needs a step in the chain of its kind (`grader.evidence_migrations`).
"""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from grader.evidence_migrations import Step


class Outcome(StrEnum):
    """How the student's code ended, in display order. The kernel and the frames say so, never the code itself."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    FORBIDDEN = "forbidden"
    OUTPUT_LIMIT = "output_limit"
    PROTOCOL = "protocol"
    DIED = "died"

    @property
    def is_reproducible(self) -> bool:
        """Whether the same code ends so on every machine: a busy one meets limits of time and memory, and deaths."""
        return self in (Outcome.OK, Outcome.ERROR, Outcome.FORBIDDEN, Outcome.OUTPUT_LIMIT)


class Fault(StrEnum):
    """Whose fault a failure is. Only infrastructure faults are retried, and they never cost an attempt."""

    STUDENT = "student"
    GRADER = "grader"
    INFRASTRUCTURE = "infrastructure"


class Record(BaseModel):
    """Frozen base of everything stored as evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wanted(StrEnum):
    """What the code needed and a sandbox does not offer, guessed from its traceback.

    A download or a GPU asks for review.
    """

    PROCESS = "process"
    WORKERS = "workers"
    NETWORK = "network"
    DOWNLOAD = "download"
    FILE_WRITTEN = "file_written"
    FILE_READ = "file_read"
    GPU = "gpu"


class StudentError(Record):
    """An exception of the student's code.

    ``line`` counts from 1 in what was submitted, for a notebook in the code cell ``cell``, which counts from 1 too;
    ``traceback`` holds the student's frames only; ``name`` is the missing name of a ``NameError``; ``signal`` the
    number of the signal that ended the process, by the kernel's report.
    """

    type: str
    message: str
    line: int | None = None
    cell: int | None = None
    source: str | None = None
    name: str | None = None
    traceback: str = ""
    wanted: Wanted | None = None
    signal: int | None = None

    def params(self) -> dict[str, Any]:
        """The parameters of a message about it."""
        return self.model_dump(include={"type", "message", "line", "cell", "source"})


class MissingName(NamedTuple):
    """A name that neither the submission nor the prelude defines, and where it is used: as in a `StudentError`.

    Line 0: the place is unknown.
    """

    name: str
    line: int
    cell: int | None = None


class LimitHit(Record):
    """A sandbox limit that stopped the code: which one, the limit, the use at the end, and their unit."""

    limit: str
    allowed: float
    used: float | None = None
    unit: str


class Overrun(Record):
    """How reading an upload ended early: at a limit (``timeout``, ``memory``), or because the reader ``died``.

    ``signal`` is the number of the signal that ended it, by the kernel's report.
    """

    outcome: Literal[Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED]
    limit: LimitHit | None = None
    signal: int | None = None

    @property
    def observation(self) -> Observation:
        """The fact, for messages."""
        params = {} if self.limit is None else {"allowed": self.limit.allowed}
        return Observation(id=f"reading.{self.outcome}", params=params)


class Observation(Record):
    """A fact that reading or measuring showed: its id, of a closed set, and the numbers and words that describe it."""

    id: str
    params: dict[str, Any] = Field(default_factory=dict)


class Note(Record):
    """A message to a student: its id in the catalogue and its parameters. Only scoring makes messages."""

    id: str
    params: dict[str, Any] = Field(default_factory=dict)


class StaffOnly:
    """Marks a field of evidence that students do not read: it describes files of the assignment."""


class Evidence(Record):
    """Base of the evidence of one question.

    A kind with a chain of ``upgrades`` declares ``schema_version`` again, with the version that the chain leads to.
    """

    upgrades: ClassVar[tuple[Step, ...]] = ()
    """The step at index ``n`` leads from version ``n + 1`` of this kind to ``n + 2``."""
    schema_version: int = 1
    kind: str
    """The check that wrote it."""
    submitted: bool = True
    notes: tuple[Observation, ...] = ()
    fault: Fault | None = None
    """Set only when the grader itself failed (``grader``, ``infrastructure``): there is nothing to score then."""
    overrun: Overrun | None = None
    """Set only when the question's parts could not be read within the limits of reading: they earn nothing then."""

    facts: ClassVar[frozenset[str]] = frozenset()
    """The ids that its notes may have."""

    @classmethod
    def check(cls) -> str:
        """The kind of this class."""
        return str(cls.model_fields["kind"].default)

    @classmethod
    def staff_only(cls) -> frozenset[str]:
        """The names of the fields that students do not read."""
        return frozenset(name for name, field in cls.model_fields.items() if StaffOnly in field.metadata)

    @property
    def fault_message(self) -> str:
        """The id of what a student reads about the fault."""
        return f"fault.{self.fault}"

    @property
    def remarks(self) -> tuple[Observation, ...]:
        """The facts that the preview of a form tells."""
        return self.notes

    @property
    def is_reproducible(self) -> bool:
        """Whether it depends on the submission alone, and not on the load of a machine or a person's decision."""
        return self.fault is None and self.overrun is None

    @property
    def lost_to_fault(self) -> bool:
        """Whether a part of it is missing through a fault of ours."""
        return self.fault is not None

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended a child, which may be the work of the system and not of the student."""
        return self.overrun is not None and self.overrun.signal == signal.SIGKILL

    @property
    def measured_on(self) -> tuple[str, str] | None:
        """The data set on which it was measured and its digest, if one was used."""
        return None


class CodeEvidence(Evidence):
    """Evidence of a question for which student code ran."""

    outcome: Outcome = Outcome.OK
    stage: str | None = None
    """Where the code failed: ``intake``, ``load``, ``build``, ``forward``, ``backward``, ``call``."""
    error: StudentError | None = None
    limit: LimitHit | None = None
    stdout: str = ""
    missing_names: tuple[MissingName, ...] = ()

    @field_serializer("missing_names")
    def _without_empty_cells(self, names: tuple[MissingName, ...]) -> list[tuple[Any, ...]]:
        return [tuple(name) if name.cell is not None else tuple(name[:2]) for name in names]

    @property
    def is_reproducible(self) -> bool:
        return super().is_reproducible and self.outcome.is_reproducible

    @property
    def was_killed(self) -> bool:
        has_died = self.outcome is Outcome.DIED and self.error is not None and self.error.signal == signal.SIGKILL
        return super().was_killed or has_died
