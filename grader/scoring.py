"""Points and messages of a question, from its evidence and rubric. No I/O, no clock, no randomness.

Only this module decides points. The same evidence scored by the same rubric gives the same result, bit for bit, on any
machine and at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from grader import intake
from grader.assignment import Assignment, Question
from grader.checks import speed
from grader.evidence import (
    AnyEvidence,
    ArchitectureEvidence,
    ChoiceEvidence,
    CodeEvidence,
    Fault,
    KDLossEvidence,
    Note,
    Outcome,
    PruningEvidence,
    Record,
    SummaryEvidence,
    TermEvidence,
    Wanted,
)


class Verdict(StrEnum):
    """The result of a question, in display order."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    NEEDS_REVIEW = "needs_review"
    NOT_SUBMITTED = "not_submitted"
    PENDING = "pending"
    FAULT = "fault"


class QuestionScore(Record):
    """The points of one question and why. With the verdict ``needs_review`` the points are provisional."""

    number: str
    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None = None
    messages: tuple[Note, ...] = ()


def score(assignment: Assignment, number: str, evidence: AnyEvidence | None) -> QuestionScore:
    """Points and messages of one question; ``pending`` without evidence."""
    question = assignment.question(number)
    if evidence is None:
        return _result(question, 0.0, Verdict.PENDING)
    if evidence.fault is not None:
        return _result(question, 0.0, Verdict.FAULT, Note(id=f"fault.{evidence.fault}"), fault=evidence.fault)
    if not evidence.submitted:
        return _result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="not_submitted"), *evidence.notes)
    if evidence.kind != question.check:
        raise ValueError(f"question {number} is scored from {question.check} evidence, not {evidence.kind}")
    return _review_if_statements_dropped(_RULES[question.check](assignment, question, evidence), evidence)


def total(scores: list[QuestionScore]) -> float:
    """The sum of the points, rounded to what people write (two decimals)."""
    return round(sum(item.score for item in scores), 2)


def _result(
    question: Question, points: float, verdict: Verdict | None, *messages: Note, fault: Fault | None = None
) -> QuestionScore:
    points = min(max(points, 0.0), question.points)
    if verdict is None:
        verdict = Verdict.FULL if points == question.points else Verdict.PARTIAL if points > 0 else Verdict.NONE
    return QuestionScore(
        number=question.number, score=points, max_score=question.points, verdict=verdict, fault=fault, messages=messages
    )


_DROPS_TO_REVIEW = {
    # Full points do not depend on a dropped training, which leaves the architecture as it is.
    Verdict.FULL: frozenset({"intake.change_dropped", "intake.broken_change"}),
    Verdict.PARTIAL: intake.DROPPED_CHANGE_NOTES,
    Verdict.NONE: intake.DROPPED_CHANGE_NOTES,
}


def _review_if_statements_dropped(result: QuestionScore, evidence: AnyEvidence) -> QuestionScore:
    """Ask for review if a statement that did not run may change the points."""
    reviewed = _DROPS_TO_REVIEW.get(result.verdict, frozenset())
    causes = tuple(note for note in evidence.notes if note.id in reviewed)
    if not causes:
        return result
    others = tuple(note for note in result.messages if note not in causes)
    return result.model_copy(update={"verdict": Verdict.NEEDS_REVIEW, "messages": (*causes, *others)})


def _code_failure(question: Question, evidence: CodeEvidence) -> QuestionScore | None:
    """The result when the student's code did not run to its end, or ``None`` when it did."""
    if evidence.outcome is Outcome.OK:
        return None
    missing = [
        Note(id="code.missing_name", params={"name": name, "line": line}) for name, line in evidence.missing_names
    ]
    check_notes = [note for note in evidence.notes if note.id.startswith(("code.", "model.", "kd."))]
    remarks = [note for note in evidence.notes if note not in check_notes]
    if _is_incomplete_paste(evidence):
        # Honest work that was pasted in part: a reviewer decides its points.
        verdict, causes = Verdict.NEEDS_REVIEW, [*check_notes, *missing]
    elif lost := [note for note in evidence.notes if note.id == "intake.entry_lost" and evidence.error is None]:
        # The function is there, in a form that a reviewer can read and intake cannot.
        verdict, causes = Verdict.NEEDS_REVIEW, [*lost, *missing]
        remarks = [note for note in remarks if note not in lost]
    elif facts := _mitigating_facts(evidence):
        check_notes = [note for note in check_notes if note not in facts]
        verdict, causes = Verdict.NEEDS_REVIEW, [*facts, *_failure_notes(evidence)[:1], *check_notes]
        remarks = [note for note in remarks if note not in facts]
    elif resources := _missing_resources(evidence):
        verdict, causes = Verdict.NEEDS_REVIEW, [*_failure_notes(evidence), *resources, *check_notes, *missing]
    elif evidence.outcome is Outcome.ERROR and check_notes:
        verdict, causes = Verdict.NONE, [*check_notes, *missing]
    else:
        verdict, causes = Verdict.NONE, [*_failure_notes(evidence), *check_notes, *missing]
    return _result(question, 0.0, verdict, *causes, *remarks, fault=Fault.STUDENT)


def _mitigating_facts(evidence: CodeEvidence) -> list[Note]:
    """Notes that explain an error by something else than a mistake in the code, so that it needs review."""
    if evidence.outcome is not Outcome.ERROR or evidence.error is None or evidence.stage == "intake":
        return []
    kind = evidence.error.type
    ids = {"intake.damage_suspected", "model.batch_of_one"}
    ids |= {"intake.module_unavailable"} if kind in {"ModuleNotFoundError", "ImportError"} else set()
    ids |= {"intake.settings_missing"} if kind in {"TypeError", "AttributeError", "KeyError"} else set()
    ids |= {"kd.call.by_position"} if evidence.stage == "call" else set()
    facts = [note for note in evidence.notes if note.id in ids]
    if kind == "FileNotFoundError":
        facts.append(Note(id="code.file_missing", params={"message": evidence.error.message}))
    return facts


def _missing_resources(evidence: CodeEvidence) -> list[Note]:
    """A note that the code needs a GPU, a download or more compute than the sandbox has, so that it needs review."""
    if any(note.id in intake.DROPPED_CHANGE_NOTES for note in evidence.notes):
        return []  # the dropped statements explain more, and ask for review anyway
    if evidence.outcome in (Outcome.ERROR, Outcome.FORBIDDEN):
        wanted = evidence.error.wanted if evidence.error is not None else None
        return [Note(id="code.cannot.reviewed")] if wanted in (Wanted.GPU, Wanted.DOWNLOAD) else []
    # A network that could be built may well run on a notebook's GPU.
    is_heavy = evidence.stage in ("forward", "backward") and not _is_idle(evidence)
    return [Note(id="code.heavy")] if is_heavy and evidence.outcome in (Outcome.TIMEOUT, Outcome.MEMORY) else []


def _is_idle(evidence: CodeEvidence) -> bool:
    return evidence.limit is not None and evidence.limit.limit == "idle time"


_UNREADABLE = {"code.damaged", "code.damaged_beyond_repair", "code.newer_python"}


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
        params |= evidence.error.model_dump(include={"type", "message", "line", "source"})
    if evidence.limit is not None:
        params |= {"limit_name": evidence.limit.limit} | evidence.limit.model_dump(include={"allowed", "used", "unit"})
    wanted = evidence.error.wanted if evidence.error is not None else None
    cannot = [Note(id=f"code.cannot.{wanted}", params=params)] if wanted else []
    if evidence.outcome is Outcome.ERROR:
        return [Note(id=f"code.error.{stage}", params=params), *cannot]
    if evidence.outcome is Outcome.FORBIDDEN and cannot:
        return cannot
    return [Note(id="code.idle" if _is_idle(evidence) else f"code.{evidence.outcome}", params=params)]


def _architecture(assignment: Assignment, question: Question, evidence: ArchitectureEvidence) -> QuestionScore:
    failure = _code_failure(question, evidence)
    if failure is not None:
        if (evidence.parameters or 0) <= assignment.parameter_limit:
            return failure
        # No review can give points to a network that is too large as well.
        problems = _size_problems(assignment.parameter_limit, question, evidence)
        return failure.model_copy(update={"messages": (*problems, *failure.messages), "verdict": Verdict.NONE})
    if evidence.parameters is None:
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="model.not_counted"), *evidence.notes)
    size = {"parameters": evidence.parameters, "limit": assignment.parameter_limit}
    problems = [
        *_output_problems(assignment, evidence),
        *_size_problems(assignment.parameter_limit, question, evidence),
    ]
    if not problems and not evidence.gradients_reached:
        problems.append(Note(id="model.no_gradient"))
    unregistered = _unregistered_notes(evidence)
    if problems:
        return _result(question, 0.0, Verdict.NONE, *problems, *unregistered, *evidence.notes)
    if _fails_for_batch_of_one(evidence):
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes, *unregistered)
    if not evidence.verified and evidence.verification != "pending":
        limit = evidence.verification_limit
        params: dict[str, Any] = dict(size)
        if limit is not None:
            params |= {"limit_name": limit.limit, "allowed": limit.allowed, "unit": limit.unit}
        unverified = [Note(id=f"model.unverified.{evidence.verification}", params=params)]
        if evidence.repeatable is False and evidence.verification in ("refused", "disagrees"):
            unverified = [Note(id="model.unverified.not_repeatable", params=size), Note(id="model.not_repeatable")]
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *unverified, *unregistered, *evidence.notes)
    messages = [Note(id="model.ok", params=size), *unregistered]
    if evidence.unused_parameters:
        unused = {"count": len(evidence.unused_parameters), "names": list(evidence.unused_parameters[:5])}
        messages.append(Note(id="model.unused_parameters", params=unused))
    messages += [
        Note(id="model.extra_outputs", params={"kind": probe.kind})
        for probe in evidence.probes
        if probe.mode == "train" and probe.kind != "tensor"
    ]
    if evidence.repeatable is False:
        messages.append(Note(id="model.not_repeatable"))
    if any(note.id == "intake.stand_in" for note in evidence.notes):
        # The homework asks for the entry point by its name: a stand-in is measured, and a reviewer decides.
        messages.append(Note(id="model.stood_in"))
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if not evidence.verified:
        # Only the count on the artefact is missing, which takes a second longer: until then points are provisional.
        messages.append(Note(id="model.verifying"))
        return _result(question, question.points, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    return _result(question, question.points, None, *messages, *evidence.notes)


def _output_problems(assignment: Assignment, evidence: ArchitectureEvidence) -> list[Note]:
    """The problem of the first wrong output; later outputs mostly repeat it."""
    for probe in evidence.probes:
        if probe.batch == 1 and _fails_for_batch_of_one(evidence):
            continue
        output = {"batch": probe.batch, "mode": probe.mode, "kind": probe.kind}
        expected = [probe.batch, assignment.classes]
        if probe.kind != "tensor" and not (probe.mode == "train" and probe.shape is not None):
            return [Note(id="model.output_not_tensor", params={**output, "expected": expected})]
        if probe.shape != (probe.batch, assignment.classes):
            shape = list(probe.shape or ())
            params = {**output, "shape": shape, "expected": expected, "classes": assignment.classes}
            return [Note(id="model.output_shape", params=params)]
        if not probe.finite:
            return [Note(id="model.output_not_finite", params=output)]
    return []


def _fails_for_batch_of_one(evidence: ArchitectureEvidence) -> bool:
    """Whether only a batch of one gives no logits: a slip, because the model works in every training loop."""
    return any(note.id == "model.batch_of_one" for note in evidence.notes)


def _size_problems(limit: int, question: Question, evidence: ArchitectureEvidence) -> list[Note]:
    parameters, hidden = evidence.parameters or 0, evidence.hidden_numbers or 0
    size: dict[str, Any] = {"parameters": parameters, "limit": limit}
    if parameters > limit:
        return [Note(id="model.too_many_parameters", params=size | {"excess": parameters - limit})]
    # Before the artefact is audited, the hidden numbers are only a claim of the live model.
    is_settled = evidence.verification != "pending"
    if is_settled and parameters + hidden > limit + int(question.options.get("small_constants", 0)):
        tensors = [name for name, _ in evidence.hidden_tensors[:5]]
        return [Note(id="model.hidden_numbers", params=size | {"hidden": hidden, "tensors": tensors})]
    return []


def _unregistered_notes(evidence: ArchitectureEvidence) -> list[Note]:
    """A note on layers that the network uses but does not register as submodules."""
    if not evidence.unregistered or not evidence.hidden_numbers:
        return []
    params = {"count": evidence.unregistered, "names": list(evidence.unregistered_tensors[:3])}
    return [Note(id="model.unregistered", params=params)]


def _summary(assignment: Assignment, question: Question, evidence: SummaryEvidence) -> QuestionScore:
    params = evidence.model_dump(include={"claimed_total", "actual_total", "rows_claimed", "rows_differ", "dialect"})
    if evidence.claimed_total is None:
        is_readable = any(note.id in {"summary.total_mentioned", "summary.rows_fit"} for note in evidence.notes)
        no_total = Verdict.NEEDS_REVIEW if is_readable else Verdict.NONE
        return _result(question, 0.0, no_total, Note(id="summary.no_total", params=params), *evidence.notes)
    if evidence.actual_total is None:
        # The model never ran, so nothing confirms or contradicts the summary.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="summary.no_model", params=params), *evidence.notes)
    if evidence.claimed_total not in (evidence.actual_total, evidence.actual_torchsummary_total):
        note_id = "summary.example_pasted" if evidence.matches_example else "summary.other_model"
        return _result(question, 0.0, Verdict.NONE, Note(id=note_id, params=params), *evidence.notes)
    points, note_id = question.points, "summary.ok"
    if evidence.rows_differ:
        points, note_id = float(question.options["rows_differ_points"]), "summary.rows_differ"
    messages = [Note(id=note_id, params=params)]
    verdict: Verdict | None = None
    if any(note.id == "summary.many_totals" for note in evidence.notes):
        # A list of all numbers contains the true one: it earns nothing before a review.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if evidence.count_pending:
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.count_pending"))
    elif evidence.count_confirmed is False or evidence.claimed_total != evidence.actual_total:
        # The true total is only a claim of the live model.
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.unconfirmed"))
    return _result(question, points, verdict, *messages, *evidence.notes)


def _kd_loss(assignment: Assignment, question: Question, evidence: KDLossEvidence) -> QuestionScore:
    called = Note(id="kd.called", params={"call": evidence.call})
    failure = _code_failure(question, evidence)
    if failure is not None:
        return failure.model_copy(update={"messages": (*failure.messages, called)}) if evidence.call else failure
    if any(note.id.startswith("kd.signature.") for note in evidence.notes):
        # The signature does not say how to call the loss, so nothing was measured.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes)
    if evidence.stateful:
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="kd.not_repeatable"), called, *evidence.notes)
    terms = {"hard_term": evidence.hard_term, "soft_term": evidence.soft_term}
    values_agree = all(term.agrees for term in (*terms.values(), evidence.mixture))
    note_ids = {note.id for note in evidence.notes}
    uncertain = Verdict.NEEDS_REVIEW if note_ids & _UNCERTAIN_CALLS or evidence.missing_names else None
    if values_agree and evidence.gradient.agrees:
        return _result(question, question.points, uncertain, Note(id="kd.ok"), called, *evidence.notes)

    mistakes = (evidence.diagnosis, *evidence.diagnosis_with) if evidence.diagnosis else ()
    causes = [note for note in evidence.notes if note.id.startswith("kd.value.") or note.id in _CAUSES]
    is_right_between = not mistakes and _is_right_between_ends(evidence)
    messages = [*(Note(id=mistake) for mistake in mistakes), *causes]
    messages += [Note(id="kd.right_between")] if is_right_between else []
    if not messages:
        messages.append(Note(id="kd.unknown_mistake"))
    messages += [_term_note(name, term) for name, term in terms.items()]
    if all(term.agrees for term in terms.values()) and not evidence.mixture.agrees:
        messages.append(_term_note("mixture", evidence.mixture))
    if values_agree:
        messages.append(_term_note("gradient", evidence.gradient))
    messages += [called, *(note for note in evidence.notes if note not in causes)]

    rubrics = question.options.get("mistakes", {})
    rubric = rubrics.get("+".join(mistakes), {})
    single_needs_review = any(rubrics.get(mistake, {}).get("needs_review") for mistake in mistakes)
    # Swapped numbers are a mistake only if the documented order, used in place of unclear names, is the student's.
    is_order_unclear = "kd.call.by_position" in note_ids and bool(_NUMBERS_SWAPPED & {*mistakes})
    review = "kd.hidden" in note_ids or is_order_unclear or rubric.get("needs_review", single_needs_review)
    verdict = Verdict.NEEDS_REVIEW if review else uncertain
    if "points" in rubric:
        return _result(question, float(rubric["points"]), verdict, *messages)
    term_points = {name: float(question.options[f"{name}_points"]) for name in terms}
    points = sum(term_points[name] for name, term in terms.items() if term.agrees)
    if all(term.agrees for term in terms.values()):
        # Both terms are right, only their mixture or gradient is wrong: the points of the cheaper term.
        points = min(term_points.values())
    elif is_right_between or note_ids & _PARTLY_RIGHT:
        # Both terms are right on most inputs: at least the points of the cheaper term, and a review of the rest.
        points, verdict = max(points, min(term_points.values())), Verdict.NEEDS_REVIEW
    return _result(question, points, verdict, *messages)


_PARTLY_RIGHT = {"kd.call.built_in", "kd.whole_temperatures", "kd.small_probabilities"}
_NUMBERS_SWAPPED = {"kd.alpha_swapped", "kd.roles_exchanged"}
_CAUSES = _PARTLY_RIGHT | {"kd.hidden"}
_UNCERTAIN_CALLS = {"kd.call.no_alpha", "kd.call.no_temperature", "kd.call.first_of_several"}


def _is_right_between_ends(evidence: KDLossEvidence) -> bool:
    """Whether values and gradients are right at every alpha between 0 and 1, and wrong at alpha 0 or 1 only."""
    ends = [term for term in (evidence.hard_term, evidence.soft_term) if term.failed]
    # A mistake at an end fails in most of its cases; a case may agree by luck, if both terms have the same size. An
    # epsilon fails in a few cases only, at any alpha.
    fail_mostly = all(2 * term.failed > term.cases for term in ends)
    end_cases = sum(term.cases for term in ends)
    return bool(ends) and fail_mostly and evidence.mixture.agrees and evidence.gradient.failed <= end_cases


def _term_note(name: str, term: TermEvidence) -> Note:
    """A note on one term of the loss: right, wrong by how much, or without a number."""
    counts: dict[str, Any] = {"cases": term.cases, "failed": term.failed}
    if term.agrees or term.worst is None:
        return Note(id=f"kd.{name}.ok", params=counts)
    wrong = "wrong" if term.worst["got"] is not None else "no_number"
    return Note(id=f"kd.{name}.{wrong}", params=counts | term.worst)


def _choice(assignment: Assignment, question: Question, evidence: ChoiceEvidence) -> QuestionScore:
    choices = question.options["choices"]
    if evidence.answer is None or evidence.answer not in choices:
        unknown = {"answer": evidence.answer or "", "number": question.number, "choices": list(choices)}
        # An answer in other words may be right, and words around a choice may reverse it: a reviewer reads them.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="choice.unknown", params=unknown), *evidence.notes)
    is_right = evidence.answer == question.options["key"]
    messages = [Note(id=f"choice.{'right' if is_right else 'wrong'}", params={"choice": choices[evidence.answer]})]
    text = question.options.get("explanation" if is_right else "hint")
    if text:
        messages.append(Note(id="choice.because", params={"text": text}))
    unpruned, pruned = evidence.seconds_unpruned, evidence.seconds_pruned_90
    # Evidence of former versions may hold times that a busy machine disturbed.
    if unpruned is not None and pruned is not None and speed.are_same(unpruned, pruned):
        messages.append(Note(id="choice.times", params={"unpruned": 1000 * unpruned, "pruned": 1000 * pruned}))
    return _result(question, question.points if is_right else 0.0, None, *messages, *evidence.notes)


def _pruning(assignment: Assignment, question: Question, evidence: PruningEvidence) -> QuestionScore:
    if evidence.picture_error is not None:
        problem = Note(id=evidence.picture_error, params=evidence.picture_error_params)
        return _result(question, 0.0, Verdict.NONE, problem, *evidence.notes)
    if evidence.picture is None:
        return _result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="pruning.no_picture"), *evidence.notes)
    provisional = float(question.options["provisional_points"])
    messages = [Note(id="pruning.provisional")]
    if evidence.weights == "uploaded" and evidence.baseline is not None and "baseline_points" in question.options:
        # Only the student's own weights show the student's training.
        points = float(question.options["baseline_points"].get(evidence.baseline, 0))
        provisional += points
        messages.append(Note(id="pruning.baseline", params={"baseline": evidence.baseline, "points": points}))
    if evidence.curve:
        first, images = evidence.curve[0], {"images": evidence.images, "weights": evidence.weights}
        messages.append(Note(id=f"pruning.curve.{evidence.weights}", params={**images, "accuracy": first["accuracy"]}))
    return _result(question, provisional, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)


_RULES: dict[str, Callable[[Assignment, Question, Any], QuestionScore]] = {
    "architecture": _architecture,
    "summary": _summary,
    "kd_loss": _kd_loss,
    "choice": _choice,
    "pruning": _pruning,
}
