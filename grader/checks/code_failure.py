"""The result of code that did not run to its end, for every check that runs code of a student."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from grader import intake
from grader.assignment import Question
from grader.evidence import CodeEvidence, Fault, Note, Observation, Outcome, Wanted
from grader.intake import IntakeFact
from grader.verdicts import QuestionScore, Verdict, result

_REMARKS = frozenset(IntakeFact) - intake.UNREADABLE_FACTS


def code_failure(
    question: Question, evidence: CodeEvidence, excuses: Collection[str] = (), *, is_hopeless: bool = False
) -> QuestionScore | None:
    """The result when the student's code did not run to its end, or ``None`` when it did.

    ``excuses`` are facts of the check that explain an error by something else than a mistake. ``is_hopeless``:
    something else already costs the points, so that no review could give them.
    """
    if evidence.outcome is Outcome.OK:
        return None
    causes: list[Note | Observation]
    missing = [Note(id="code.missing_name", params=name._asdict()) for name in evidence.missing_names]
    check_notes = [note for note in evidence.notes if note.id not in _REMARKS]
    remarks = [note for note in evidence.notes if note not in check_notes]
    if is_hopeless:
        verdict, causes = Verdict.NONE, [*_failure_notes(evidence), *check_notes, *missing]
    elif _is_incomplete_paste(evidence):
        # Honest work that was pasted in part: a reviewer decides its points.
        verdict, causes = Verdict.NEEDS_REVIEW, [*check_notes, *missing]
    elif lost := _lost_entry_notes(evidence):
        # The function is there, in a form or under a name that a reviewer can read and intake cannot.
        failure = _failure_notes(evidence)[:1] if evidence.error is not None else []
        verdict, causes = Verdict.NEEDS_REVIEW, [*lost, *failure, *missing]
        remarks = [note for note in remarks if note not in lost]
    elif facts := _mitigating_facts(evidence, excuses):
        check_notes = [note for note in check_notes if note not in facts]
        verdict, causes = Verdict.NEEDS_REVIEW, [*facts, *_failure_notes(evidence)[:1], *check_notes]
        remarks = [note for note in remarks if note not in facts]
    elif resources := _missing_resources(evidence):
        verdict, causes = Verdict.NEEDS_REVIEW, [*_failure_notes(evidence), *resources, *check_notes, *missing]
    elif evidence.outcome is Outcome.ERROR and check_notes:
        verdict, causes = Verdict.NONE, [*check_notes, *missing]
    else:
        verdict, causes = Verdict.NONE, [*_failure_notes(evidence), *check_notes, *missing]
    return result(question, 0.0, verdict, *causes, *remarks, fault=Fault.STUDENT)


def _lost_entry_notes(evidence: CodeEvidence) -> list[Observation]:
    """Notes on an entry point that the submission seems to hold, though not as a function of that name."""
    ids = {IntakeFact.STAND_IN_UNCLEAR} | ({IntakeFact.ENTRY_LOST} if evidence.error is None else set())
    return [note for note in evidence.notes if note.id in ids]


def _mitigating_facts(evidence: CodeEvidence, excuses: Collection[str]) -> list[Note | Observation]:
    """Notes that explain an error by something else than a mistake in the code, so that it needs review."""
    if evidence.outcome is not Outcome.ERROR or evidence.error is None or evidence.stage == "intake":
        return []
    kind = evidence.error.type
    ids = {IntakeFact.DAMAGE_SUSPECTED, *excuses}
    ids |= {IntakeFact.MODULE_UNAVAILABLE} if kind in {"ModuleNotFoundError", "ImportError"} else set()
    ids |= {IntakeFact.SETTINGS_MISSING} if kind in {"TypeError", "AttributeError", "KeyError"} else set()
    facts: list[Note | Observation] = [note for note in evidence.notes if note.id in ids]
    if kind == "FileNotFoundError":
        facts.append(Note(id="code.file_missing", params={"message": evidence.error.message}))
    return facts


def _missing_resources(evidence: CodeEvidence) -> list[Note]:
    """A note that the code needs a GPU, a download or more compute than the sandbox has, so that it needs review."""
    if any(note.id in intake.DROPPED_CHANGES for note in evidence.notes):
        return []  # the dropped statements explain more, and ask for review anyway
    if evidence.outcome in (Outcome.ERROR, Outcome.FORBIDDEN):
        wanted = evidence.error.wanted if evidence.error is not None else None
        return [Note(id="code.cannot.reviewed")] if wanted in (Wanted.GPU, Wanted.DOWNLOAD) else []
    # A network that could be built may well run on a notebook's GPU.
    is_heavy = evidence.stage in ("forward", "backward") and not _is_idle(evidence)
    return [Note(id="code.heavy")] if is_heavy and evidence.outcome in (Outcome.TIMEOUT, Outcome.MEMORY) else []


def _is_idle(evidence: CodeEvidence) -> bool:
    return evidence.limit is not None and evidence.limit.limit == "idle time"


_UNREADABLE = {IntakeFact.DAMAGED, IntakeFact.DAMAGED_BEYOND_REPAIR, IntakeFact.NEWER_PYTHON}


def _is_incomplete_paste(evidence: CodeEvidence) -> bool:
    """Whether the code failed at a name that nothing defines, or only a person or a newer Python can read it."""
    if evidence.outcome is not Outcome.ERROR:
        return False
    if evidence.stage == "intake" and any(note.id in _UNREADABLE for note in evidence.notes):
        return True
    if not evidence.missing_names:
        return False
    return evidence.stage == "intake" or evidence.error is None or evidence.error.type == "NameError"


def _failure_notes(evidence: CodeEvidence) -> list[Note]:
    """Why the code ended: an error with its line, or a limit with its use; and what the sandbox does not offer."""
    stage = evidence.stage or "load"
    params: dict[str, Any] = {"stage": stage}
    if evidence.error is not None:
        params |= evidence.error.params()
    if evidence.limit is not None:
        params |= {"limit_name": evidence.limit.limit} | evidence.limit.model_dump(include={"allowed", "used", "unit"})
    wanted = evidence.error.wanted if evidence.error is not None else None
    cannot = [Note(id=f"code.cannot.{wanted}", params=params)] if wanted else []
    if evidence.outcome is Outcome.ERROR:
        return [Note(id=f"code.error.{stage}", params=params), *cannot]
    if evidence.outcome is Outcome.FORBIDDEN and cannot:
        return cannot
    return [Note(id="code.idle" if _is_idle(evidence) else f"code.{evidence.outcome}", params=params)]
