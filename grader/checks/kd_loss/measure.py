"""Question 2.1: the distillation loss, examined by term.

At ``alpha = 0`` it must be the cross entropy at any temperature (hard term), at ``alpha = 1``
``T^2 * KL(teacher || student)`` (soft term), in between the mixture. Values are compared, and gradients with respect to
the student's logits. The cases are the assignment's fixed ones and fresh ones drawn after the source was loaded, in
random order, some of them twice. The child gets the inputs only; the expected values are computed here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment, Question
from grader.checks.kd_loss import binding, kd_calls, kd_constants, kd_diagnosis, readings
from grader.checks.kd_loss.binding import CallPlan, Role
from grader.checks.kd_loss.evidence import KDFact, KDLossEvidence, TermEvidence
from grader.checks.kd_loss.kd_calls import Answer
from grader.checks.kd_loss.kd_diagnosis import Diagnosis, KnownLoss
from grader.checks.kd_loss.options import KDLossOptions
from grader.evidence import MissingName, Observation, Outcome
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply
from reference_models.kd import cases, closed_form
from reference_models.kd.cases import Case, CaseBook, Inputs, Term

LIMITS: Mapping[str, float] = {"torch_threads": 1, "cpu_seconds": 10, "wall_seconds": 30}
"""Sandbox limits of a loss. Its tensors are tiny: on a busy machine of two cores an examination takes 800 to 3,400 ms
with two threads, which wait for each other, and 30 ms with one."""

VALUE_TOLERANCE = 1e-3
"""Relative, with a floor of 0.1 for the scale. On 4,000 fresh cases, 20 correct styles in float32, with epsilons up to
1e-7 inside logarithms, are off by at most 2.5e-5; the smallest real mistake on the fixed cases (label smoothing of
0.05) is off by 1.7e-2."""

GRADIENT_TOLERANCE = 1e-3
"""Relative to the gradient's largest element. On the same cases, correct styles are off by 3.8e-5, the smallest real
mistake by 4.6e-2."""

NEAR = 0.1
"""Relative: a loss that is never further off is tried again on small logits, which make no class improbable, with ten
times the tolerances. There, an epsilon of 1e-5 inside every logarithm is 2e-3 off (5e-2 on the usual logits), and the
smallest real mistake, label smoothing of 0.05, still 4.9e-2. The temperature there is no whole number, because a loss
that truncates or rounds it is off by 3.8e-2 or more there, but by less than this at high temperatures. Below the lower
one the logits shrink with it. The highest temperature is kept, so that a loss that limits it is seen."""
SMALL_LOGIT_SCALE, SMALL_LOGIT_TEMPERATURES, SMALL_LOGIT_SLACK = 0.5, (1.2, 1.75), 10.0
SOFTENED_TO = 4.0
"""The highest temperature meets larger logits, so that the distributions are those of this one. On the usual logits
``T^2 * KL`` hardly depends on so high a temperature, and the share of an epsilon grows with its square."""
SHRINKS_TO, NEGLIGIBLE = 0.25, 2e-3
"""Share of a term's largest error that is left on small logits, if the cause is an epsilon. A wrong factor, exponent or
label smoothing stays as wrong as it is. An epsilon of 1e-4 leaves 0.19 of the gradient's error, and 1.5e-3 of the
value's."""

FLOOR = 0.1
ONE_NUMBER_KINDS = ("tensor", "float", "int", "float32", "float64", "ndarray")
"""Kinds of an answer that is one number. Of other kinds, such as a tuple of the loss and its terms, one is examined."""
_TERM_COUNT = 4
_REMARKS = {fact.removeprefix("kd.remark."): fact for fact in KDFact if fact.startswith("kd.remark.")}
"""Facts by the name of the unusual input."""
REPEATS = 3
"""How many calls are made a second time."""


def measure(
    child: Child,
    assignment: Assignment,
    question: Question,
    rng: np.random.Generator,
    defined_names: tuple[str, ...] = (),
) -> KDLossEvidence:
    """Examine the loss that ``child`` has loaded, in about 50 calls; ``defined_names``: the source's top-level names.

    The question's options name the case file and the table of known mistakes, both files of the assignment. Raises
    ``ValueError`` or ``KeyError`` when those do not fit, and `InfrastructureFault` when the sandbox failed.
    """
    entry = str(question.entry)
    inspected = child.request("loss.inspect", {"entry": entry})
    if inspected.outcome is not Outcome.OK:
        return _failure_evidence(child, inspected, "load")
    if inspected.meta.get("missing") is True:
        missing = Observation(
            id=KDFact.NO_ENTRY_POINT, params={"name": entry, "defined": claims.public_names(defined_names)}
        )
        return KDLossEvidence(outcome=Outcome.ERROR, stage="load", notes=(missing,))
    signature = claims.text(inspected.meta.get("signature"), 500)
    plan = binding.bind(entry, inspected.meta)
    if isinstance(plan, Observation):
        return KDLossEvidence(notes=(plan,), signature=signature, stdout=child.stdout)

    options = question.typed_options(KDLossOptions)
    case_text = assignment.files[options.cases]
    book = cases.read(case_text)
    known = kd_diagnosis.table(case_text, assignment.files[options.known_mistakes])
    seed = int(rng.integers(1 << 62))
    drawing = np.random.default_rng(seed)
    plan = _best_reading(child, plan, book, options.classes, rng)
    scored = (*book.fixed_cases(), *book.fresh_cases(drawing, options.classes))
    about: dict[str, Any] = {"call": plan.text(), "signature": signature, "seeds": (seed,)}

    order = [*range(len(scored)), *drawing.choice(len(scored), REPEATS, replace=False).tolist()]
    examined = kd_calls.examine(child, plan, scored, drawing.permutation(order).tolist())
    if examined.stopped is not None:
        return _failure_evidence(child, examined.stopped, "call", **about)
    answers = examined.answers
    if all(answer.error is not None for answer in answers):
        raised = Reply(outcome=Outcome.ERROR, error=answers[0].error)
        # A guessed order of the tensors may be the cause.
        tensors = sum(plan.kwargs.get(name) in binding.TENSORS for name in plan.by_position)
        notes = plan.notes() if tensors > 1 else ()
        return _failure_evidence(child, raised, "call", **about, notes=notes)

    terms = _terms(scored, answers, book)
    usual = _larger_batches(scored)
    usual_answers = tuple(answer for case, answer in zip(scored, answers, strict=True) if len(case.inputs.labels) > 1)
    usual_terms = _terms(usual, usual_answers, book)
    is_wrong_number = any(
        not _compare_value(case, closed_form.loss(case)[0], answer).agrees
        for case, answer in zip(scored, answers, strict=True)
        if len(case.inputs.labels) == 1 and answer.number is not None
    )
    if all(term.agrees for term in usual_terms.values()) and not is_wrong_number:
        # A loss that fails for a batch of one alone, as with squeeze(), gets a remark.
        terms, scored, answers = usual_terms, usual, usual_answers
    notes = plan.notes()
    notes += (Observation(id=KDFact.REMARK_CHANGES_ARGUMENTS),) if examined.changes_arguments else ()
    small = _terms_on_small_logits(child, plan, usual, usual_answers, book) if examined.repeatable else None
    if small is not None:
        terms = small
        notes += (Observation(id=KDFact.REMARK_SMALL_PROBABILITIES),)
    diagnosis = None
    partly_right: tuple[Observation, ...] = ()
    if all(term.agrees for term in terms.values()) and examined.repeatable:
        notes += _notes_on_unusual_inputs(child, plan, book)
    elif examined.repeatable:
        diagnosis = _diagnose(answers[: len(book.fixed_cases())], known)
        if diagnosis is None:
            fresh = _larger_batches(book.fresh_cases(drawing, options.classes))
            partly_right = _notes_if_partly_right(child, plan, scored, answers, book, fresh)
    if diagnosis is None:
        notes += _notes_on_unusual_answers(scored, answers) + partly_right
        notes += (Observation(id=KDFact.HIDDEN),) if _hard_term_is_hidden(scored, answers) else ()
    constants = kd_constants.built_in(plan, scored, answers)
    notes += () if constants is None else (constants,)
    several = next(
        (answer.kind for answer in answers if answer.kind not in ONE_NUMBER_KINDS and answer.value is not None), None
    )
    notes += () if several is None else (Observation(id=KDFact.CALL_FIRST_OF_SEVERAL, params={"kind": several}),)
    return KDLossEvidence(
        **about,
        **terms,
        **_diagnosis_fields(diagnosis),
        stateful=not examined.repeatable,
        missing_names=_missing_names(answers),
        notes=notes,
        stdout=child.stdout,
    )


def _best_reading(child: Child, plan: CallPlan, book: CaseBook, classes: int, rng: np.random.Generator) -> CallPlan:
    """The call to examine: among those that the signature allows, the first that fits best."""
    others = readings.other_readings(plan)
    if not others:
        return plan
    fresh = _larger_batches(book.fresh_cases(rng, classes))
    best, best_fit = plan, _fit(child, plan, fresh, book)
    for other in others:
        if best_fit[0] == _TERM_COUNT:
            break
        fit = _fit(child, other, fresh, book)
        best, best_fit = (other, fit) if fit > best_fit else (best, best_fit)
    return best


def _fit(child: Child, plan: CallPlan, chosen: Sequence[Case], book: CaseBook) -> tuple[int, int]:
    """How many terms agree, and how many calls raise nothing: a wrong order of the tensors mostly raises."""
    examined = kd_calls.examine(child, plan, chosen, range(len(chosen)))
    if examined.stopped is not None:
        return 0, 0
    agreeing = sum(term.agrees for term in _terms(chosen, examined.answers, book).values())
    return agreeing, sum(answer.error is None for answer in examined.answers)


def _larger_batches(chosen: Sequence[Case]) -> tuple[Case, ...]:
    """The cases without batches of one."""
    return tuple(case for case in chosen if len(case.inputs.labels) > 1)


def _failure_evidence(child: Child, reply: Reply, stage: str, **facts: Any) -> KDLossEvidence:
    return KDLossEvidence(**claims.failure(reply, stage), **facts, stdout=child.stdout)


def _terms(
    scored: Sequence[Case], answers: Sequence[Answer], book: CaseBook, slack: float = 1.0
) -> dict[str, TermEvidence]:
    """The evidence by term, as the fields of `KDLossEvidence`."""
    values: dict[Term, list[Comparison]] = {term: [] for term in Term}
    gradients: list[Comparison] = []
    for case, answer in zip(scored, answers, strict=True):
        value, gradient = _compare(case, answer, slack)
        values[case.term].append(value)
        gradients.append(gradient)
    return {
        "hard_term": _term_evidence(values[Term.HARD], book),
        "soft_term": _term_evidence(values[Term.SOFT], book),
        "mixture": _term_evidence(values[Term.MIXTURE], book),
        "gradient": _term_evidence(gradients, book),
    }


def _terms_on_small_logits(
    child: Child, plan: CallPlan, scored: Sequence[Case], answers: Sequence[Answer], book: CaseBook
) -> dict[str, TermEvidence] | None:
    """The evidence on smaller logits, if the loss is right there and a little off before, as with an epsilon inside."""
    before = [comparison for case, answer in zip(scored, answers, strict=True) for comparison in _compare(case, answer)]
    is_near = all(comparison.error is not None and comparison.error <= NEAR for comparison in before)
    if not is_near or all(comparison.agrees for comparison in before):
        return None
    small = _small_logit_cases(scored)
    examined = kd_calls.examine(child, plan, small, range(len(small)))
    if examined.stopped is not None:
        return None
    terms = _terms(small, examined.answers, book, SMALL_LOGIT_SLACK)
    if not all(term.agrees for term in terms.values()):
        return None
    return terms if _errors_shrink(scored, answers, small, examined.answers) else None


def _errors_shrink(
    scored: Sequence[Case], answers: Sequence[Answer], small: Sequence[Case], small_answers: Sequence[Answer]
) -> bool:
    """Whether the errors on the small logits of each case are as much smaller as those of an epsilon."""
    halved = [index for index, case in enumerate(small) if case.temperature <= SMALL_LOGIT_TEMPERATURES[1]]
    errors = _largest_errors([scored[i] for i in halved], [answers[i] for i in halved])
    small_errors = _largest_errors([small[i] for i in halved], [small_answers[i] for i in halved])
    return all(small_errors[name] <= max(NEGLIGIBLE, SHRINKS_TO * errors[name]) for name in errors)


def _largest_errors(scored: Sequence[Case], answers: Sequence[Answer]) -> dict[str, float]:
    """The largest relative error of the values of each term, and of the gradients; infinite without a number."""
    errors: dict[str, float] = {}
    for case, answer in zip(scored, answers, strict=True):
        for name, comparison in zip((str(case.term), "gradient"), _compare(case, answer), strict=True):
            error = math.inf if comparison.error is None else comparison.error
            errors[name] = max(errors.get(name, 0.0), error)
    return errors


def _notes_if_partly_right(
    child: Child,
    plan: CallPlan,
    scored: Sequence[Case],
    answers: Sequence[Answer],
    book: CaseBook,
    fresh: Sequence[Case],
) -> tuple[Observation, ...]:
    """Where a loss with an unknown mistake is right: at whole temperatures, or where no class is improbable.

    ``fresh`` are cases that the loss has never seen: on the case book alone, a table of answers could be right.
    """
    pairs = list(zip(scored, answers, strict=True))
    wrong = [case for case, answer in pairs if not all(comparison.agrees for comparison in _compare(case, answer))]
    if not any(case.temperature == int(case.temperature) for case in wrong):
        whole = [dataclasses.replace(case, temperature=math.ceil(case.temperature) + 0.0) for case in fresh]
        if _all_agree(child, plan, whole, book):
            return (Observation(id=KDFact.WHOLE_TEMPERATURES, params={"temperature": wrong[0].temperature}),)
    small = _small_logit_cases([*scored, *fresh])
    examined = kd_calls.examine(child, plan, small, range(len(small)))
    if examined.stopped is not None:
        return ()
    agree = all(term.agrees for term in _terms(small, examined.answers, book, SMALL_LOGIT_SLACK).values())
    # A factor of 1.009 stays within the slack on any logits: it does not come from small probabilities.
    count = len(scored)
    shrinks = agree and _errors_shrink(scored, answers, small[:count], examined.answers[:count])
    return (Observation(id=KDFact.SMALL_PROBABILITIES),) if shrinks else ()


def _all_agree(child: Child, plan: CallPlan, chosen: Sequence[Case], book: CaseBook, slack: float = 1.0) -> bool:
    return _count_agreeing(child, plan, chosen, book, slack) == _TERM_COUNT


def _count_agreeing(child: Child, plan: CallPlan, chosen: Sequence[Case], book: CaseBook, slack: float = 1.0) -> int:
    """How many of the values by term and the gradients agree in every case."""
    examined = kd_calls.examine(child, plan, chosen, range(len(chosen)))
    if examined.stopped is not None:
        return 0
    return sum(term.agrees for term in _terms(chosen, examined.answers, book, slack).values())


def _hard_term_is_hidden(scored: Sequence[Case], answers: Sequence[Answer]) -> bool:
    """Whether at alpha = 0 no value is finite, because 0 times NaN is NaN, but each gradient is right."""
    hard = [(case, answer) for case, answer in zip(scored, answers, strict=True) if case.term is Term.HARD]
    return all(
        answer.number is None and _compare_gradient(case, closed_form.loss(case)[1], answer).agrees
        for case, answer in hard
    )


def _small_logit_cases(scored: Sequence[Case]) -> list[Case]:
    """The cases on small logits. The soft term's at the highest temperature has larger ones instead."""
    hottest = max((case for case in scored if case.term is Term.SOFT), key=lambda case: case.temperature)
    scale = np.float32(max(1.0, hottest.temperature / SOFTENED_TO))
    inputs = dataclasses.replace(
        hottest.inputs, student=hottest.inputs.student * scale, teacher=hottest.inputs.teacher * scale
    )
    kept = dataclasses.replace(hottest, inputs=inputs)
    return [kept if case is hottest else _with_small_logits(case) for case in scored]


def _with_small_logits(case: Case) -> Case:
    low, high = SMALL_LOGIT_TEMPERATURES
    scale = np.float32(SMALL_LOGIT_SCALE * min(1.0, case.temperature / low))
    inputs = dataclasses.replace(case.inputs, student=case.inputs.student * scale, teacher=case.inputs.teacher * scale)
    return dataclasses.replace(case, inputs=inputs, temperature=min(case.temperature, high))


@dataclass(frozen=True)
class Comparison:
    """Expected and measured number on one case; of a gradient, the element that is furthest off.

    ``error`` is relative; it and ``got`` are None when the loss returned no finite number.
    """

    case: Case
    tolerance: float
    expected: float
    got: float | None = None
    error: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the error is within the tolerance; never without a finite number."""
        return self.error is not None and self.error <= self.tolerance


def _compare(case: Case, answer: Answer, slack: float = 1.0) -> tuple[Comparison, Comparison]:
    """Compare the value and the gradient, with ``slack`` times the tolerances."""
    expected, gradient = closed_form.loss(case)
    if answer.number is None:
        answer = dataclasses.replace(answer, gradient=None)
    return _compare_value(case, expected, answer, slack), _compare_gradient(case, gradient, answer, slack)


def _compare_value(case: Case, expected: float, answer: Answer, slack: float = 1.0) -> Comparison:
    tolerance = slack * VALUE_TOLERANCE
    got = answer.number
    if got is None:
        return Comparison(case, tolerance, expected)
    return Comparison(case, tolerance, expected, got, abs(got - expected) / max(abs(expected), FLOOR))


def _compare_gradient(case: Case, expected: NDArray[np.float64], answer: Answer, slack: float = 1.0) -> Comparison:
    tolerance = slack * GRADIENT_TOLERANCE
    largest = float(np.abs(expected).max())
    if answer.gradient is None or not np.isfinite(answer.gradient).all():
        return Comparison(case, tolerance, largest)
    off = np.abs(answer.gradient - expected)
    where = np.unravel_index(int(off.argmax()), off.shape)
    error = float(off[where]) / largest
    return Comparison(case, tolerance, float(expected[where]), float(answer.gradient[where]), error)


def _term_evidence(comparisons: Sequence[Comparison], book: CaseBook) -> TermEvidence:
    failed = [comparison for comparison in comparisons if not comparison.agrees]
    fixed = {inputs.name for inputs in book.inputs}
    return TermEvidence(
        agrees=not failed,
        cases=len(comparisons),
        failed=len(failed),
        worst=_worst(failed),
        drawn=_worst([comparison for comparison in failed if comparison.case.inputs.name not in fixed]),
    )


def _worst(failed: Sequence[Comparison]) -> dict[str, Any] | None:
    """The comparison that is furthest off, as evidence."""
    if not failed:
        return None
    worst = max(failed, key=lambda comparison: math.inf if comparison.error is None else comparison.error)
    return {
        "case": worst.case.name,
        "alpha": worst.case.alpha,
        "temperature": worst.case.temperature,
        "expected": worst.expected,
        "got": worst.got,
        "error": worst.error,
    }


def _diagnose(answers: Sequence[Answer], known: Sequence[KnownLoss]) -> Diagnosis | None:
    fingerprints = [answer.fingerprint for answer in answers]
    complete = [fingerprint for fingerprint in fingerprints if fingerprint is not None]
    return kd_diagnosis.diagnose(complete, known) if len(complete) == len(fingerprints) else None


def _diagnosis_fields(diagnosis: Diagnosis | None) -> dict[str, Any]:
    if diagnosis is None:
        return {}
    first, *others = diagnosis.ids
    also = tuple("+".join(ids) for ids in diagnosis.also)
    return {"diagnosis": first, "diagnosis_with": tuple(others), "diagnosis_also": also}


def _notes_on_unusual_answers(scored: Sequence[Case], answers: Sequence[Answer]) -> tuple[Observation, ...]:
    """Notes on answers that are no finite number: one for each kind, with the first case of it."""
    notes: dict[str, Observation] = {}
    for case, answer in zip(scored, answers, strict=True):
        at = {"alpha": case.alpha, "temperature": case.temperature}
        if answer.error is not None:
            params = {**answer.error.params(), **at}
            params |= {"failed": sum(other.error is not None for other in answers), "cases": len(answers)}
            notes.setdefault("raises", Observation(id=KDFact.VALUE_RAISES, params=params))
        elif answer.value is None:
            notes.setdefault("none", Observation(id=KDFact.VALUE_NOT_A_NUMBER, params={"kind": answer.kind, **at}))
        elif answer.value.size != 1:
            shape = list(answer.value.shape)
            notes.setdefault("shape", Observation(id=KDFact.VALUE_SHAPE, params={"shape": shape, **at}))
        elif answer.number is None:
            notes.setdefault("finite", Observation(id=KDFact.VALUE_NOT_FINITE, params=at))
    return tuple(notes.values())


def _missing_names(answers: Sequence[Answer]) -> tuple[MissingName, ...]:
    errors = [Reply(outcome=Outcome.ERROR, error=answer.error) for answer in answers if answer.error is not None]
    return tuple(dict.fromkeys(name for error in errors for name in claims.failure(error, "call")["missing_names"]))


def _notes_on_unusual_inputs(child: Child, plan: CallPlan, book: CaseBook) -> tuple[Observation, ...]:
    """Notes on unusual inputs, which cost no points: a good loss is right on them, or raises for a type it rejects."""
    usual = book.inputs[0]
    one_hot: Array = np.eye(usual.student.shape[1], dtype=np.float32)[usual.labels]
    double: dict[Role, Array] = {
        Role.STUDENT: usual.student.astype(np.float64),
        Role.TEACHER: usual.teacher.astype(np.float64),
    }
    trials: list[tuple[str, Inputs, dict[Role, Array], bool]] = [
        *((inputs.name, inputs, {}, False) for inputs in book.remarks),
        ("not_contiguous", usual, {}, False),
        ("float64", usual, double, True),
        ("int32_labels", usual, {Role.LABELS: usual.labels.astype(np.int32)}, True),
        ("one_hot_labels", usual, {Role.LABELS: one_hot}, True),
    ]
    notes = []
    for name, inputs, changed, may_raise in trials:
        case = Case(inputs, Term.MIXTURE, alpha=0.5, temperature=2.0)
        reply = kd_calls.call(child, plan, case, changed, strided=name == "not_contiguous")
        is_child_gone = reply.outcome not in (Outcome.OK, Outcome.ERROR)
        answer = Answer() if is_child_gone else kd_calls.read(reply, case)
        comparison = _compare_value(case, closed_form.loss(case)[0], answer)
        fact = _REMARKS.get(name)
        if fact is not None and not comparison.agrees and not (answer.error is not None and may_raise):
            notes.append(Observation(id=fact, params={"expected": comparison.expected, "got": comparison.got}))
        if is_child_gone:
            break
    return tuple(notes)
