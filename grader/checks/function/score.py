"""Points and messages of a function question: those of its groups, or of the known mistake that it makes."""

from __future__ import annotations

from typing import Any

from grader.assignment import Assignment, Question
from grader.checks.code_failure import code_failure
from grader.checks.function.evidence import FailedCase, FunctionEvidence
from grader.checks.function.options import AuthorFiles, author_files
from grader.evidence import Fault, Note
from grader.intake import IntakeFact
from grader.verdicts import QuestionScore, Verdict, result

SHOWN_INPUTS = 240
"""Most characters of a case's inputs in one message; the table of the report shows more."""


SHOWN_MISTAKES = 2
"""Most known mistakes that are named of a function that makes several."""


def score(assignment: Assignment, question: Question, evidence: FunctionEvidence) -> QuestionScore:
    """The result of a function question."""
    files = author_files(assignment, question)
    called = (Note(id="function.called", params={"call": evidence.call}),) if evidence.call and evidence.renamed else ()
    remarks = (*called, *_binding_notes(evidence), *evidence.notes)
    if evidence.missing_entry and not _is_lost(evidence):
        params = {"name": files.options.entry, "defined": list(evidence.defined_names)}
        missing = Note(id="function.no_entry_point", params=params)
        return result(question, 0.0, Verdict.NONE, missing, *evidence.notes, fault=Fault.STUDENT)
    failure = code_failure(question, evidence)
    if failure is not None:
        return failure.model_copy(update={"messages": (*map(_of_function, failure.messages), *called)})
    if evidence.unplaced or evidence.unknown or evidence.unreadable_signature:
        return result(question, 0.0, Verdict.NEEDS_REVIEW, _signature_note(evidence), *evidence.notes)
    if not evidence.repeatable:
        return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="function.not_repeatable"), *remarks)
    uncertain = Verdict.NEEDS_REVIEW if evidence.missing_names else None
    if evidence.is_right:
        ok = Note(id="function.ok", params={"cases": evidence.cases})
        return result(question, question.points, uncertain, ok, *remarks)
    return _partly_right(question, evidence, files, uncertain, remarks)


def _partly_right(
    question: Question,
    evidence: FunctionEvidence,
    files: AuthorFiles,
    uncertain: Verdict | None,
    remarks: tuple[Note, ...],
) -> QuestionScore:
    groups = {group.name: group for group in files.options.groups}
    agreeing = {group.name for group in evidence.groups if group.agrees}
    points = sum(group.points for name, group in groups.items() if name in agreeing)
    names = (evidence.diagnosis, *evidence.diagnosis_also)[: 1 if evidence.diagnosis_is_exact else SHOWN_MISTAKES]
    known = {item.id: item for item in files.mistakes}
    mistakes = [known[name] for name in names if name in known]
    messages = [Note(id="function.known_mistake", params={"text": dict(mistake.text)}) for mistake in mistakes]
    if mistakes and evidence.diagnosis_is_exact and mistakes[0].points is not None:
        points = mistakes[0].points
    if evidence.first_failed is not None and not (mistakes and evidence.diagnosis_is_exact):
        messages.append(_failed_note(evidence.first_failed))
    for group in evidence.groups:
        title = dict(groups[group.name].title) if group.name in groups else group.name
        state = "ok" if group.agrees else "wrong"
        params = {"title": title, "cases": group.cases, "failed": group.failed}
        messages.append(Note(id=f"function.group.{state}", params=params))
    return result(question, points, uncertain, *messages, *remarks)


_OF_FUNCTION = {
    "code.error.call": "function.error",
    "code.timeout": "function.timeout",
    "code.memory": "function.memory",
    "code.output_limit": "function.output_limit",
}


def _of_function(note: Note) -> Note:
    """The message on code that did not run to its end in the words of a function: others speak of models and losses."""
    if note.params.get("stage") != "call":
        return note
    if note.id == "code.protocol" and note.params.get("limit_name") == "reply":
        return Note(id="function.too_much_data", params=note.params)
    return Note(id=_OF_FUNCTION.get(note.id, note.id), params=note.params)


def _is_lost(evidence: FunctionEvidence) -> bool:
    """Whether the function stands in the code in a form that a reviewer can read and intake cannot."""
    return any(note.id in (IntakeFact.ENTRY_LOST, IntakeFact.STAND_IN_UNCLEAR) for note in evidence.notes)


def _binding_notes(evidence: FunctionEvidence) -> tuple[Note, ...]:
    notes = []
    if evidence.by_position:
        notes.append(Note(id="function.call.by_position", params={"names": list(evidence.by_position)}))
    if evidence.defaulted:
        notes.append(Note(id="function.call.left_alone", params={"names": list(evidence.defaulted)}))
    return tuple(notes)


def _signature_note(evidence: FunctionEvidence) -> Note:
    params: dict[str, Any] = {"signature": evidence.signature}
    if evidence.unplaced:
        return Note(id="function.signature.no_place", params=params | {"names": list(evidence.unplaced)})
    if evidence.unknown:
        return Note(id="function.signature.unknown_parameter", params=params | {"names": list(evidence.unknown)})
    return Note(id="function.signature.unreadable", params=params)


def _failed_note(case: FailedCase) -> Note:
    """What the first failing case shows: inputs, what was expected, and what the function gave."""
    inputs = ", ".join(f"{value.name} = {value.text}" for value in case.inputs)
    where = f"{case.argument}{case.place}" if case.aspect == "arguments" else case.place
    params: dict[str, Any] = {
        "inputs": inputs if len(inputs) <= SHOWN_INPUTS else f"{inputs[:SHOWN_INPUTS]}...",
        "where": where,
        "argument": case.argument,
        "expected": case.expected,
        "got": case.got,
        "differing": case.differing,
        "elements": case.elements,
        "largest": case.largest,
        "not_finite": case.not_finite or None,
    }
    if case.error is not None:
        return Note(id="function.failed.raises", params=params | case.error.params())
    if case.refusal is not None:
        return Note(id="function.failed.refused", params=params | {"text": dict(case.refusal)})
    if case.aspect == "result" and case.reason == "kind" and case.got_kind in ("none", "other"):
        return Note(id=f"function.failed.{'nothing' if case.got_kind == 'none' else 'object'}", params=params)
    what = "argument" if case.aspect == "arguments" else "result"
    several = "_elements" if case.reason == "values" and case.elements > 1 else ""
    return Note(id=f"function.failed.{what}{several}", params=params)
