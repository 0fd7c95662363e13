"""Evidence and a question's rubric in, points and messages out. No I/O, no clock, no randomness.

This is the only place where points are decided. The same evidence scored by the same rubric gives the same result,
bit for bit, on any machine and at any time.
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
    """What a question earned, in display order."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    NEEDS_REVIEW = "needs_review"
    NOT_SUBMITTED = "not_submitted"
    PENDING = "pending"
    FAULT = "fault"


class QuestionScore(Record):
    """The points of one question and why. ``needs_review`` as verdict means that the points are provisional."""

    number: str
    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None = None
    messages: tuple[Note, ...] = ()


def score(assignment: Assignment, number: str, evidence: AnyEvidence | None) -> QuestionScore:
    """Points and messages of one question. No evidence yet reads ``pending``."""
    question = assignment.question(number)
    if evidence is None:
        return _result(question, 0.0, Verdict.PENDING)
    if evidence.fault is not None:
        return _result(question, 0.0, Verdict.FAULT, Note(id=f"fault.{evidence.fault}"), fault=evidence.fault)
    if not evidence.submitted:
        return _result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="not_submitted"), *evidence.notes)
    if evidence.kind != question.check:
        raise ValueError(f"question {number} is scored from {question.check} evidence, not {evidence.kind}")
    return _with_what_was_left_out(_RULES[question.check](assignment, question, evidence), evidence)


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


_ASKED_ABOUT = {
    Verdict.FULL: frozenset(
        {"intake.change_dropped", "intake.broken_change"}
    ),  # a training leaves the architecture as it is
    Verdict.PARTIAL: intake.DROPPED_CHANGE_NOTES,
    Verdict.NONE: intake.DROPPED_CHANGE_NOTES,
}


def _with_what_was_left_out(found: QuestionScore, evidence: AnyEvidence) -> QuestionScore:
    """A person looks where a statement that did not run may be why points are missing, or what they were given for."""
    asked = _ASKED_ABOUT.get(found.verdict, frozenset())
    causes = tuple(note for note in evidence.notes if note.id in asked)
    if not causes:
        return found
    others = tuple(note for note in found.messages if note not in causes)
    return found.model_copy(update={"verdict": Verdict.NEEDS_REVIEW, "messages": (*causes, *others)})


def _code_failure(question: Question, evidence: CodeEvidence) -> QuestionScore | None:
    """The result when the student's code did not run to its end, or ``None`` when it did."""
    if evidence.outcome is Outcome.OK:
        return None
    missing = [
        Note(id="code.missing_name", params={"name": name, "line": line}) for name, line in evidence.missing_names
    ]
    told = [note for note in evidence.notes if note.id.startswith(("code.", "model.", "kd."))]
    remarks = [note for note in evidence.notes if note not in told]
    if _only_a_paste_is_missing(evidence):
        # Honest work whose other half was not pasted: a person decides what it is worth.
        verdict, causes = Verdict.NEEDS_REVIEW, [*told, *missing]
    elif lost := [note for note in evidence.notes if note.id == "intake.entry_lost" and evidence.error is None]:
        # The function is there, in a form that a person can read and intake cannot.
        verdict, causes = Verdict.NEEDS_REVIEW, [*lost, *missing]
        remarks = [note for note in remarks if note not in lost]
    elif excuses := _excuses(evidence):
        told = [note for note in told if note not in excuses]
        verdict, causes = Verdict.NEEDS_REVIEW, [*excuses, *_stopped(evidence)[:1], *told]
        remarks = [note for note in remarks if note not in excuses]
    elif unusual := _not_to_be_had(evidence):
        verdict, causes = Verdict.NEEDS_REVIEW, [*_stopped(evidence), *unusual, *told, *missing]
    elif evidence.outcome is Outcome.ERROR and told:
        verdict, causes = Verdict.NONE, [*told, *missing]
    else:
        verdict, causes = Verdict.NONE, [*_stopped(evidence), *told, *missing]
    return _result(question, 0.0, verdict, *causes, *remarks, fault=Fault.STUDENT)


def _excuses(evidence: CodeEvidence) -> list[Note]:
    """What explains an error better than the error does, and is no mistake in the code: a person must look."""
    if evidence.outcome is not Outcome.ERROR or evidence.error is None or evidence.stage == "intake":
        return []
    kind = evidence.error.type
    known = {"intake.damage_suspected", "model.batch_of_one"}
    known |= {"intake.module_unavailable"} if kind in {"ModuleNotFoundError", "ImportError"} else set()
    known |= {"intake.settings_missing"} if kind in {"TypeError", "AttributeError", "KeyError"} else set()
    known |= {"kd.call.by_position"} if evidence.stage == "call" else set()
    found = [note for note in evidence.notes if note.id in known]
    if kind == "FileNotFoundError":
        found.append(Note(id="code.file_missing", params={"message": evidence.error.message}))
    return found


def _not_to_be_had(evidence: CodeEvidence) -> list[Note]:
    """That the code stopped for want of what a notebook has and a sandbox has not, and a person will look."""
    if any(note.id in intake.DROPPED_CHANGE_NOTES for note in evidence.notes):
        return []  # which explains more, and a person looks anyway
    if evidence.outcome in (Outcome.ERROR, Outcome.FORBIDDEN):
        wanted = evidence.error.wanted if evidence.error is not None else None
        return [Note(id="code.cannot.reviewed")] if wanted in (Wanted.GPU, Wanted.DOWNLOAD) else []
    # A network that was built: on the GPU of a notebook it may well run.
    is_heavy = evidence.stage in ("forward", "backward") and not _is_idle(evidence)
    return [Note(id="code.heavy")] if is_heavy and evidence.outcome in (Outcome.TIMEOUT, Outcome.MEMORY) else []


def _is_idle(evidence: CodeEvidence) -> bool:
    return evidence.limit is not None and evidence.limit.limit == "idle time"


_UNREADABLE_HERE = {"code.damaged", "code.damaged_beyond_repair", "code.newer_python"}


def _only_a_paste_is_missing(evidence: CodeEvidence) -> bool:
    """The code stopped at a name that nothing defines, or only a person or a newer Python can read it."""
    if evidence.outcome is not Outcome.ERROR:
        return False
    if evidence.stage == "intake" and any(note.id in _UNREADABLE_HERE for note in evidence.notes):
        return True
    if not evidence.missing_names:
        return False
    return evidence.stage == "intake" or evidence.error is None or evidence.error.type == "NameError"


def _stopped(evidence: CodeEvidence) -> list[Note]:
    """What ended the code: an error with its place, or a limit with its use; and what cannot be had in a sandbox."""
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
    failed = _code_failure(question, evidence)
    if failed is not None:
        # A network that is too large as well is told so, and nothing else could make it right.
        large = (evidence.parameters or 0) > assignment.parameter_limit
        told = _size_problems(assignment.parameter_limit, question, evidence) if large else []
        update = {"messages": (*told, *failed.messages), "verdict": Verdict.NONE}
        return failed.model_copy(update=update) if told else failed
    if evidence.parameters is None:
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="model.not_counted"), *evidence.notes)
    size = {"parameters": evidence.parameters, "limit": assignment.parameter_limit}
    problems = [
        *_output_problems(assignment, evidence),
        *_size_problems(assignment.parameter_limit, question, evidence),
    ]
    if not problems and not evidence.gradients_reached:
        problems.append(Note(id="model.no_gradient"))
    unregistered = _unregistered(evidence)
    if problems:
        return _result(question, 0.0, Verdict.NONE, *problems, *unregistered, *evidence.notes)
    if _fails_alone(evidence):
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
        # The homework asks for the entry point by its name: what stood in for it is measured, and a person decides.
        messages.append(Note(id="model.stood_in"))
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if not evidence.verified:
        # All but the count on the artefact, which takes a second longer: until then the points are provisional.
        messages.append(Note(id="model.verifying"))
        return _result(question, question.points, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    return _result(question, question.points, None, *messages, *evidence.notes)


def _output_problems(assignment: Assignment, evidence: ArchitectureEvidence) -> list[Note]:
    """What is wrong with the first output that is wrong; the others mostly repeat it."""
    for probe in evidence.probes:
        if probe.batch == 1 and _fails_alone(evidence):
            continue
        seen = {"batch": probe.batch, "mode": probe.mode, "kind": probe.kind}
        expected = [probe.batch, assignment.classes]
        if probe.kind != "tensor" and not (probe.mode == "train" and probe.shape is not None):
            return [Note(id="model.output_not_tensor", params={**seen, "expected": expected})]
        if probe.shape != (probe.batch, assignment.classes):
            shape = list(probe.shape or ())
            params = {**seen, "shape": shape, "expected": expected, "classes": assignment.classes}
            return [Note(id="model.output_shape", params=params)]
        if not probe.finite:
            return [Note(id="model.output_not_finite", params=seen)]
    return []


def _fails_alone(evidence: ArchitectureEvidence) -> bool:
    """Only a batch of one gives no logits: a slip, in a model that works in every training loop."""
    return any(note.id == "model.batch_of_one" for note in evidence.notes)


def _size_problems(limit: int, question: Question, evidence: ArchitectureEvidence) -> list[Note]:
    parameters, hidden = evidence.parameters or 0, evidence.hidden_numbers or 0
    size: dict[str, Any] = {"parameters": parameters, "limit": limit}
    if parameters > limit:
        return [Note(id="model.too_many_parameters", params=size | {"excess": parameters - limit})]
    # Before the artefact was audited, what is hidden is only the live model's word for it.
    settled = evidence.verification != "pending"
    if settled and parameters + hidden > limit + int(question.options.get("small_constants", 0)):
        tensors = [name for name, _ in evidence.hidden_tensors[:5]]
        return [Note(id="model.hidden_numbers", params=size | {"hidden": hidden, "tensors": tensors})]
    return []


def _unregistered(evidence: ArchitectureEvidence) -> list[Note]:
    """That layers which the network uses sit where the module cannot find them."""
    if not evidence.unregistered or not evidence.hidden_numbers:
        return []
    params = {"count": evidence.unregistered, "names": list(evidence.unregistered_tensors[:3])}
    return [Note(id="model.unregistered", params=params)]


def _summary(assignment: Assignment, question: Question, evidence: SummaryEvidence) -> QuestionScore:
    params = evidence.model_dump(include={"claimed_total", "actual_total", "rows_claimed", "rows_differ", "dialect"})
    if evidence.claimed_total is None:
        is_readable = any(note.id in {"summary.total_mentioned", "summary.rows_fit"} for note in evidence.notes)
        left = Verdict.NEEDS_REVIEW if is_readable else Verdict.NONE
        return _result(question, 0.0, left, Note(id="summary.no_total", params=params), *evidence.notes)
    if evidence.actual_total is None:
        # The model never ran, so nothing contradicts the summary: a person must look.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="summary.no_model", params=params), *evidence.notes)
    if evidence.claimed_total not in (evidence.actual_total, evidence.actual_torchsummary_total):
        key = "summary.example_pasted" if evidence.matches_example else "summary.other_model"
        return _result(question, 0.0, Verdict.NONE, Note(id=key, params=params), *evidence.notes)
    points, told = question.points, "summary.ok"
    if evidence.rows_differ:
        points, told = float(question.options["rows_differ_points"]), "summary.rows_differ"
    messages = [Note(id=told, params=params)]
    verdict = None
    if any(note.id == "summary.many_totals" for note in evidence.notes):
        # Whoever lists all numbers lists the true one: nothing is earned until a person has looked.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if evidence.count_pending:
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.count_pending"))
    elif evidence.count_confirmed is False or evidence.claimed_total != evidence.actual_total:
        # The total it was compared with is only the live model's word.
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.unconfirmed"))
    return _result(question, points, verdict, *messages, *evidence.notes)


def _kd_loss(assignment: Assignment, question: Question, evidence: KDLossEvidence) -> QuestionScore:
    called = Note(id="kd.called", params={"call": evidence.call})
    failed = _code_failure(question, evidence)
    if failed is not None:
        return failed.model_copy(update={"messages": (*failed.messages, called)}) if evidence.call else failed
    if any(note.id.startswith("kd.signature.") for note in evidence.notes):
        # Nobody knows how to call it, so nothing was measured: a person must look.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes)
    if evidence.stateful:
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="kd.not_repeatable"), called, *evidence.notes)
    terms = {"hard_term": evidence.hard_term, "soft_term": evidence.soft_term}
    values_agree = all(term.agrees for term in (*terms.values(), evidence.mixture))
    told = {note.id for note in evidence.notes}
    uncertain = Verdict.NEEDS_REVIEW if told & _UNCERTAIN_CALLS or evidence.missing_names else None
    if values_agree and evidence.gradient.agrees:
        return _result(question, question.points, uncertain, Note(id="kd.ok"), called, *evidence.notes)

    mistakes = (evidence.diagnosis, *evidence.diagnosis_with) if evidence.diagnosis else ()
    causes = [note for note in evidence.notes if note.id.startswith("kd.value.") or note.id in _CAUSES]
    between = _right_between(evidence)
    messages = [*(Note(id=mistake) for mistake in mistakes), *causes]
    messages += [Note(id="kd.right_between")] if between and not mistakes else []
    if not messages:
        messages.append(Note(id="kd.unknown_mistake"))
    messages += [_term(name, term) for name, term in terms.items()]
    if all(term.agrees for term in terms.values()) and not evidence.mixture.agrees:
        messages.append(_term("mixture", evidence.mixture))
    if values_agree:
        messages.append(_term("gradient", evidence.gradient))
    messages += [called, *(note for note in evidence.notes if note not in causes)]

    rubrics = question.options.get("mistakes", {})
    rubric = rubrics.get("+".join(mistakes), {})
    one_asks = any(rubrics.get(one, {}).get("needs_review") for one in mistakes)
    # Exchanged only if the position was rightly taken for what the names did not say.
    exchanged = "kd.call.by_position" in told and bool(_EXCHANGED & {*mistakes})
    review = "kd.hidden" in told or exchanged or rubric.get("needs_review", one_asks)
    verdict = Verdict.NEEDS_REVIEW if review else uncertain
    if "points" in rubric:
        return _result(question, float(rubric["points"]), verdict, *messages)
    worth = {name: float(question.options[f"{name}_points"]) for name in terms}
    points = sum(worth[name] for name, term in terms.items() if term.agrees)
    if all(term.agrees for term in terms.values()):
        # Both terms stand alone, only their mixture or their gradient is wrong: one term's worth.
        points = min(worth.values())
    elif (between and not mistakes) or told & _PARTLY_RIGHT:
        # Both terms are right wherever both can be seen: never a plain zero, and a person decides about the rest.
        points, verdict = max(points, min(worth.values())), Verdict.NEEDS_REVIEW
    return _result(question, points, verdict, *messages)


_PARTLY_RIGHT = {"kd.call.built_in", "kd.whole_temperatures", "kd.small_probabilities"}
_EXCHANGED = {"kd.alpha_swapped", "kd.roles_exchanged"}
_CAUSES = _PARTLY_RIGHT | {"kd.hidden"}
_UNCERTAIN_CALLS = {"kd.call.no_alpha", "kd.call.no_temperature", "kd.call.first_of_several"}


def _right_between(evidence: KDLossEvidence) -> bool:
    """Right at every alpha between 0 and 1, value and gradient, and only not at an end."""
    ends = [term for term in (evidence.hard_term, evidence.soft_term) if term.failed]
    # Wrong at an end means in nearly every case of it: where both terms are of a size, one agrees by luck. An epsilon
    # is wrong in some, at whatever alpha.
    whole = all(2 * term.failed > term.cases for term in ends)
    gradients = sum(term.cases for term in ends)
    return bool(ends) and whole and evidence.mixture.agrees and evidence.gradient.failed <= gradients


def _term(name: str, term: TermEvidence) -> Note:
    """How one part of the loss did: right, wrong by numbers, or without a number at all."""
    counts: dict[str, Any] = {"cases": term.cases, "failed": term.failed}
    if term.agrees or term.worst is None:
        return Note(id=f"kd.{name}.ok", params=counts)
    wrong = "wrong" if term.worst["got"] is not None else "no_number"
    return Note(id=f"kd.{name}.{wrong}", params=counts | term.worst)


def _choice(assignment: Assignment, question: Question, evidence: ChoiceEvidence) -> QuestionScore:
    choices = question.options["choices"]
    if evidence.answer is None or evidence.answer not in choices:
        unknown = {"answer": evidence.answer or "", "number": question.number, "choices": list(choices)}
        # Words beyond the choice may turn it round, and other words may be right: a person reads them.
        return _result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="choice.unknown", params=unknown), *evidence.notes)
    right = evidence.answer == question.options["key"]
    messages = [Note(id=f"choice.{'right' if right else 'wrong'}", params={"choice": choices[evidence.answer]})]
    told = question.options.get("explanation" if right else "hint")
    if told:
        messages.append(Note(id="choice.because", params={"text": told}))
    unpruned, pruned = evidence.seconds_unpruned, evidence.seconds_pruned_90
    # Evidence of former versions also holds times that a busy machine disturbed.
    if unpruned is not None and pruned is not None and speed.are_same(unpruned, pruned):
        messages.append(Note(id="choice.times", params={"unpruned": 1000 * unpruned, "pruned": 1000 * pruned}))
    return _result(question, question.points if right else 0.0, None, *messages, *evidence.notes)


def _pruning(assignment: Assignment, question: Question, evidence: PruningEvidence) -> QuestionScore:
    if evidence.picture_error is not None:
        problem = Note(id=evidence.picture_error, params=evidence.picture_error_params)
        return _result(question, 0.0, Verdict.NONE, problem, *evidence.notes)
    if evidence.picture is None:
        return _result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="pruning.no_picture"), *evidence.notes)
    provisional = float(question.options["provisional_points"])
    messages = [Note(id="pruning.provisional")]
    if evidence.weights == "uploaded" and evidence.baseline is not None and "baseline_points" in question.options:
        # Only the student's own weights say anything of the student's training.
        worth = float(question.options["baseline_points"].get(evidence.baseline, 0))
        provisional += worth
        messages.append(Note(id="pruning.baseline", params={"baseline": evidence.baseline, "points": worth}))
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
