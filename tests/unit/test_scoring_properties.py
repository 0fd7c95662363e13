"""Any evidence scores within range, and stored evidence scores as fresh evidence does, bit for bit."""

from __future__ import annotations

import json
import re
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.scores.computing import json_safe
from grader import messages, stored_evidence
from grader.assignment import Assignment, bundled
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.function.evidence import FunctionEvidence
from grader.checks.kd_loss import kd_rubric
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning.evidence import PictureProblem
from grader.checks.registry import CHECKS
from grader.evidence import Evidence, Fault, Observation
from grader.scoring import QuestionScore, Verdict, score

HW13, FUNCTIONS = bundled("hw13"), bundled("prune-quantize")
KINDS: tuple[type[Evidence], ...] = tuple(check.evidence_type for check in CHECKS.values())

_text = st.text(st.characters(codec="utf-8"), max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=4,
)
_number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_case = st.none() | st.fixed_dictionaries(
    {"case": _text, "alpha": _number, "temperature": _number, "expected": _number, "got": _number, "error": _number}
)
_SCORING_NOTES = ["code.missing_name", "kd.value.raises", "kd.signature.no_place", "kd.call.no_alpha", "model.ok"]
_notes = st.builds(
    Observation,
    id=st.sampled_from(_SCORING_NOTES) | st.sampled_from(sorted(messages.ids())),
    params=st.dictionaries(_text, _json, max_size=3),
)
_mistakes = st.sampled_from([ids for ids in sorted(kd_rubric.rows(HW13, HW13.question("2.1"))) if "+" not in ids])
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "schema_version": st.just(1),
    "notes": st.lists(_notes, max_size=3).map(tuple),
    "replay": st.none() | st.dictionaries(_text, _json, max_size=2),
    "worst": _case,
    "drawn": _case,
    "diagnosis": st.none() | _mistakes,
    "diagnosis_with": st.lists(_mistakes, max_size=2).map(tuple),
    "fault": st.sampled_from([None, None, None, Fault.GRADER, Fault.INFRASTRUCTURE]),
    "stage": st.sampled_from([None, "intake", "load", "build", "forward", "backward", "call"]),
    "weights": st.sampled_from(["uploaded", "distilled"]),
    "answer": st.none() | st.sampled_from(["softer", "harder", "yes", "no", "other"]),
    "curve": st.lists(st.fixed_dictionaries({"ratio": st.floats(0, 1), "accuracy": st.floats(0, 1)}), max_size=3).map(
        tuple
    ),
    "picture": st.none() | st.fixed_dictionaries({"format": _text, "width": st.integers(1, 9), "sha256": _text}),
    "picture_error": st.none() | st.sampled_from(PictureProblem),
    "picture_error_params": st.dictionaries(_text, _json, max_size=2),
}


def evidence_of(kind: type[Evidence]) -> st.SearchStrategy[Evidence]:
    """Any evidence of a kind that its types allow, with JSON in free-form fields."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in kind.model_fields.items():
        annotation: Any = field.annotation
        fields[name] = _BY_NAME[name] if name in _BY_NAME else _strategy(annotation)
    return st.builds(kind, **fields).map(_consistent)


def _consistent(evidence: Any) -> Any:
    if isinstance(evidence, ArchitectureEvidence):
        return evidence.model_copy(update={"verified": evidence.verification == "confirmed"})
    if isinstance(evidence, KDLossEvidence):
        terms = {name: getattr(evidence, name) for name in ("hard_term", "soft_term", "mixture", "gradient")}
        # A term is wrong because of a case, so that one is its worst.
        agree = {name: term.model_copy(update={"agrees": True}) for name, term in terms.items() if term.worst is None}
        return evidence.model_copy(update=agree)
    return evidence


def _strategy(annotation: Any) -> st.SearchStrategy[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner = {
            name: _BY_NAME[name] if name in _BY_NAME else _strategy(field.annotation)
            for name, field in annotation.model_fields.items()
        }
        return st.builds(annotation, **inner)
    members = get_args(annotation)
    if members and any(isinstance(member, type) and issubclass(member, BaseModel) for member in members):
        if get_origin(annotation) is tuple:
            return st.lists(_strategy(members[0]), max_size=3).map(tuple)
        return st.one_of([_strategy(member) if member is not type(None) else st.none() for member in members])
    strategy: st.SearchStrategy[Any] = st.from_type(annotation)
    return strategy


def question_of(kind: type[Evidence]) -> str:
    questions = assignment_of(kind).questions
    return next(question.number for question in questions if question.check == kind.model_fields["kind"].default)


def assignment_of(kind: type[Evidence]) -> Assignment:
    """An assignment with a question of this kind."""
    return FUNCTIONS if kind is FunctionEvidence else HW13


def exact(assignment: Assignment, number: str, evidence: Evidence) -> str:
    """The result with every bit of every float."""
    return repr(score(assignment, number, evidence).model_dump(mode="python"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_stored_evidence_scores_like_fresh_evidence(kind: type[Evidence]) -> None:
    number = question_of(kind)
    verdicts: set[str] = set()

    @given(evidence_of(kind))
    def check(evidence: Evidence) -> None:
        stored = json.dumps(json_safe(evidence.model_dump(mode="python")), allow_nan=False)
        read_back = stored_evidence.parse(json.loads(stored))
        assert repr(read_back) == repr(stored_evidence.parse(json_safe(evidence.model_dump(mode="python"))))
        assert exact(assignment_of(kind), number, read_back) == exact(assignment_of(kind), number, evidence)
        assert repr(stored_evidence.parse_json(stored)) == repr(read_back)
        if not {"nan", "inf"} & {*re.findall(r"\w+", repr(evidence))}:
            assert read_back == evidence
        verdicts.add(score(assignment_of(kind), number, evidence).verdict)

    check()
    # Evidence with few verdicts would show little.
    assert len(verdicts) >= 3, verdicts


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_any_evidence_scores_within_range_and_has_texts(kind: type[Evidence]) -> None:
    number = question_of(kind)

    @given(evidence_of(kind))
    def check(evidence: Evidence) -> None:
        result = score(assignment_of(kind), number, evidence)
        assert 0 <= result.score <= result.max_score == assignment_of(kind).question(number).points
        stored = json.dumps(json_safe(result.model_dump(mode="python")), allow_nan=False)
        read_back = QuestionScore.model_validate_json(stored)
        assert read_back.model_copy(update={"messages": result.messages}) == result
        if result.verdict is Verdict.FULL:
            assert result.score == result.max_score
        if result.verdict is Verdict.PARTIAL:
            assert 0 < result.score < result.max_score
        if result.verdict in (Verdict.NONE, Verdict.NOT_SUBMITTED, Verdict.FAULT, Verdict.PENDING):
            assert result.score == 0
        for note, kept in zip(result.messages, read_back.messages, strict=True):
            assert note.id in messages.ids()
            text = messages.render(note, "zh-Hant")
            assert text
            assert messages.render(kept, "zh-Hant") == text

    check()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_scoring_leaves_its_evidence_alone(kind: type[Evidence]) -> None:
    @given(evidence_of(kind))
    def check(evidence: Evidence) -> None:
        before = repr(evidence)
        assert exact(assignment_of(kind), question_of(kind), evidence) == exact(
            assignment_of(kind), question_of(kind), evidence
        )
        assert repr(evidence) == before

    check()
