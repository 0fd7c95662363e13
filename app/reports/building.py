"""Build the report of a submission from stored scores, evidence and overrides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app import language
from app.assignments import service as assignments
from app.regrades.models import LATE
from app.reports import decision_texts, regrade_notes
from app.reports.schemas import (
    CancelEffect,
    CommentView,
    GivenItemView,
    LateView,
    MessageView,
    OverrideView,
    PartView,
    ProgressView,
    QuestionReport,
    Regraded,
    Report,
)
from app.scores import withholding
from app.scores.comments import repository as comment_repository
from app.scores.comments.models import Comment
from app.scores.models import Override
from app.scores.standing import QuestionStanding, SubmissionScore, pending_score, submission_score
from app.submissions import quota, repository
from app.submissions.excusals import service as excusals
from app.submissions.models import Phase, Run, State, Submission, SubmissionPart
from app.submissions.submitting import NewSubmission
from grader import messages, remaining, stored_evidence
from grader.assignment import Assignment
from grader.evidence import Note
from grader.lateness import Lateness
from grader.parts import PartDefinition
from grader.version import GRADER_VERSION

_LATE = {
    "en": "Submitted late, on day {days} after the deadline: {percent:g}% of the {earned:g} points are deducted.",
    "zh-Hant": "遲交 {days} 天（不足一天以一天計）：{earned:g} 分扣除 {percent:g}%。",
}
_EXCUSED = {
    "en": "You are excused from this assignment: its score does not count.",
    "zh-Hant": "你已免繳此作業：其分數不計入成績。",
}
_LATE_WITHOUT_DEDUCTION = {
    "en": "Submitted late, on day {days} after the deadline. No points are deducted.",
    "zh-Hant": "遲交 {days} 天（不足一天以一天計），未扣分。",
}


def excused_note(lang: str) -> MessageView:
    """The sentence for a student whose score does not count."""
    return MessageView(id="excused", text=language.text(_EXCUSED, lang))


def build_report(session: Session, submission: Submission, lang: str, *, is_staff: bool) -> Report:
    """The report of a submission in a language, for the staff or for its student."""
    assignment = assignments.definition(submission.assignment)
    full_score = submission_score(session, submission, evidence=True)
    withheld = withholding.withheld(session, assignment, is_staff=is_staff)
    score = full_score.told(withheld)
    run = repository.run(session, submission.run_id)
    uploaded = {part.name: part for part in repository.parts(session, submission.id)}
    changes = regrade_notes.published_changes(session, submission.id)
    regraded = {number: change for number, change in changes.items() if number not in withheld}
    comments = comment_repository.of_submission(session, submission.id)
    told_comments = {number: rows for number, rows in comments.items() if number not in withheld}
    return Report(
        **submission_head(submission, assignment.slug, submission.user.login, score),
        late=_late(score, lang),
        notes=[
            *([excused_note(lang)] if excusals.is_excused(session, assignment.slug, submission.user_id) else []),
            *([regrade_notes.late_note(regraded[LATE], lang)] if LATE in regraded else []),
        ],
        needs_review=score.needs_review,
        fault=submission.fault,
        questions=questions(score, lang, regraded, told_comments, is_staff=is_staff),
        progress=_progress(submission, run, withheld),
        cancel_effect=_cancel_effect(session, submission, run, full_score, assignment),
        parts=[
            _part(part, uploaded[part.name], uploaded[part.name].blob.size, lang)
            for part in assignment.parts
            if part.name in uploaded
        ],
        picture=f"/api/v1/submissions/{submission.id}/picture" if run and run.picture_sha256 else None,
        assignment_version=assignment.version,
        grader_version=run.grader_version if run else GRADER_VERSION,
        sandbox=run.sandbox if run else {},
        timings=_timings(submission, run, assignment, repository.first_measured(session, run.id)) if run else {},
        finished_at=submission.finished_at,
    )


def _part(definition: PartDefinition, part: SubmissionPart, size: int, lang: str) -> PartView:
    return PartView(
        name=part.name,
        title=language.text(definition.title, lang),
        kind=definition.kind,
        filename=part.filename,
        size=size,
        sha256=part.blob_sha256,
    )


def build_new_report(new: NewSubmission, student: str, lang: str) -> Report:
    """The report of a submission that no worker has seen, from what was stored."""
    assignment, submission = new.target.assignment, new.submission
    score = pending_score(assignment, submission.submitted_at, new.target.extended_to)
    uploaded = {part.name: part for part in new.parts}
    return Report(
        **submission_head(submission, assignment.slug, student, score),
        late=_late(score, lang),
        notes=[],
        needs_review=False,
        fault=None,
        questions=questions(score, lang, {}, {}, is_staff=False),
        progress=None,
        cancel_effect=CancelEffect.ATTEMPT_RETURNED if new.has_free_cancel else CancelEffect.ATTEMPT_SPENT,
        parts=[
            _part(part, uploaded[part.name], new.sizes[part.name], lang)
            for part in assignment.parts
            if part.name in uploaded
        ],
        picture=None,
        assignment_version=assignment.version,
        grader_version=GRADER_VERSION,
        sandbox={},
        timings={},
        finished_at=None,
    )


def submission_head(submission: Submission, assignment: str, student: str, score: SubmissionScore) -> dict[str, Any]:
    """The fields that a report and a row of a list share."""
    return {
        "id": submission.id,
        "assignment": assignment,
        "student": student,
        "submitted_at": submission.submitted_at,
        "state": submission.state,
        "attempt": submission.attempt,
        "score": score.total,
        "max_score": score.maximum,
        "withheld": score.is_withheld,
    }


def questions(
    score: SubmissionScore,
    lang: str,
    regraded: Mapping[str, Regraded],
    comments: Mapping[str, Sequence[Comment]],
    *,
    is_staff: bool,
) -> list[QuestionReport]:
    """The questions of a submission in the reader's language, with the changes by regrades and the comments."""
    said = messages.once_a_report(standing.messages for standing in score.questions)
    return [
        _question(
            standing,
            said_once,
            lang,
            regraded.get(standing.question.number),
            comments.get(standing.question.number, ()),
            is_staff,
        )
        for standing, said_once in zip(score.questions, said, strict=True)
    ]


def _question(
    standing: QuestionStanding,
    said: Sequence[Note],
    lang: str,
    regraded: Regraded | None,
    comments: Sequence[Comment],
    is_staff: bool,
) -> QuestionReport:
    override = standing.override
    if override is not None:
        # An override outranks computed points, so a regrade changed nothing that counts.
        regraded = None
    notes = [regrade_notes.question_note(regraded, lang)] if regraded is not None else []
    return QuestionReport(
        number=standing.question.number,
        title=language.text(standing.question.title, lang),
        score=standing.told_score,
        max_score=standing.question.points,
        verdict=standing.verdict,
        fault=standing.fault,
        messages=notes + [MessageView(id=note.id, text=messages.render(note, lang)) for note in said],
        evidence=standing.evidence if is_staff else stored_evidence.for_students(standing.evidence),
        override=_override(override, lang) if override else None,
        regraded=regraded,
        comments=[CommentView(id=row.id, text=row.text, by=row.by.login, at=row.at) for row in comments],
        revision=str(standing.revision),
    )


def _override(override: Override, lang: str) -> OverrideView:
    by = override.by.login
    return OverrideView(
        kind=override.kind,
        items=[
            GivenItemView(id=item.id, text=language.text(item.text, lang), deduction=item.deduction)
            for item in override.items
        ],
        score=override.score,
        by=by,
        reason=override.reason,
        at=override.at,
        text=decision_texts.text(override.kind, by, override.reason, lang),
    )


def _late(score: SubmissionScore, lang: str) -> LateView | None:
    late = score.late
    if late is None:
        return None
    text = late_text(late, score.earned, lang)
    return LateView(deadline=late.deadline, days=late.days, percent=late.percent, earned=score.earned, text=text)


def late_text(late: Lateness, earned: float, lang: str) -> str:
    """The sentence about a late submission that earned these points before the deduction."""
    texts = _LATE if late.reduced(earned) < earned else _LATE_WITHOUT_DEDUCTION
    return language.text(texts, lang).format(days=late.days, percent=late.percent, earned=earned)


def _progress(submission: Submission, run: Run | None, withheld: Collection[str]) -> ProgressView | None:
    if submission.state is not State.RUNNING or run is None or run.stage is None:
        return None
    interim = {number: fields for number, fields in run.interim.items() if number not in withheld}
    return ProgressView(stage=run.stage, done=run.stage_done, total=run.stage_total, interim=interim)


def _cancel_effect(
    session: Session, submission: Submission, run: Run | None, score: SubmissionScore, assignment: Assignment
) -> CancelEffect | None:
    """The effect that `app.grading.ending.cancel` has now."""
    if submission.state.ended:
        return None
    if run is None:
        is_free = quota.has_free_cancel(session, submission.user_id, assignment.slug)
        return CancelEffect.ATTEMPT_RETURNED if is_free else CancelEffect.ATTEMPT_SPENT
    evidence = {
        standing.question.number: stored_evidence.parse(standing.evidence)
        for standing in score.questions
        if standing.evidence
    }
    if run.phase is Phase.LATER or remaining.has_all_verdicts(assignment, evidence):
        return CancelEffect.GRADED_WITHOUT_CURVE
    return CancelEffect.ATTEMPT_SPENT


def _timings(
    submission: Submission, run: Run, assignment: Assignment, first_measured: dict[str, datetime]
) -> dict[str, Any]:
    if run.regrade_id is not None:
        # The staff started this run, so the student's time of submission has no meaning for it.
        return dict(run.timings)
    start = submission.submitted_at
    timings: dict[str, Any] = {
        **run.timings,
        "queued": round((run.started_at - start).total_seconds(), 4),
        "questions": {
            question.number: round((first_measured[question.number] - start).total_seconds(), 4)
            for question in assignment.questions
            if question.number in first_measured
        },
    }
    if submission.finished_at is not None:
        timings["total"] = round((submission.finished_at - start).total_seconds(), 4)
    return timings
