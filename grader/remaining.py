"""What a grading still lacks: verdicts of the first stage, or only the measurements of the later stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.evidence import Evidence, Fault


def has_all_verdicts(assignment: Assignment, evidence: Mapping[str, Evidence]) -> bool:
    """Whether this evidence, by question, decides every verdict, so that later evidence changes none of them."""
    if any(question.number not in evidence for question in assignment.questions):
        return False
    return all(
        registry.of(question).is_settled(evidence[question.number], evidence.values())
        for question in assignment.questions
    )


def has_verdict(assignment: Assignment, question: Question, evidence: Mapping[str, Evidence]) -> bool:
    """Whether this evidence, by question, decides the verdict of one question."""
    rests_on = registry.of(question).rests_on(question)
    needed = [other for other in assignment.questions if issubclass(registry.of(other).evidence_type, rests_on)]
    return all(
        each.number in evidence and registry.of(each).is_settled(evidence[each.number], evidence.values())
        for each in (question, *needed)
    )


def due(assignment: Assignment, parts: Collection[str], evidence: Mapping[str, Evidence]) -> tuple[Question, ...]:
    """The questions whose evidence the later stage has to complete, given the names of the submitted parts."""
    return tuple(
        question
        for question in assignment.questions
        if question.number in evidence and registry.of(question).is_due(assignment, question, parts, evidence)
    )


def without_later(
    assignment: Assignment, parts: Collection[str], evidence: Mapping[str, Evidence], fault: Fault | None
) -> dict[str, Evidence]:
    """The evidence, by question, that says why the later stage did not complete it.

    The stage was lost through a fault of ours, or a person stopped it (``None``).
    """
    ends = {
        question.number: registry.of(question).without_later(question, evidence[question.number], fault)
        for question in due(assignment, parts, evidence)
    }
    return {number: end for number, end in ends.items() if end != evidence[number]}
