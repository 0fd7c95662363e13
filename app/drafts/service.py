"""Save, check, try, publish and discard drafts of assignments. The caller commits.

Every step names the state that its admin saw, so that nobody overwrites what another admin did meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.assignments import repository as versions
from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.courses.names import FIRST, course_of, full_name
from app.drafts import editing, repository
from app.drafts.models import AssignmentDraft, DraftState, TrialState
from app.problems import Conflict, NotFound, PreconditionFailed, Unprocessable
from app.queue.port import JobEngine
from app.regrades import repository as regrade_rows
from app.regrades import service as regrades
from app.regrades import stale
from app.regrades.models import Kind, Regrade
from app.regrades.schemas import RegradeWish
from app.scores.review_items import importing
from grader import assignment_check
from grader.assignment import Assignment
from grader.assignment_check import MAIN, Fault
from grader.checks import registry


class DraftNotFound(NotFound):
    """The assignment has no open draft. It was published or discarded."""

    slug = "draft-not-found"


class ChangedMeanwhile(PreconditionFailed):
    """Another admin changed the assignment meanwhile, and nothing was saved. Compare with the present state, and save
    again."""

    slug = "assignment-changed"


class NothingChanged(Unprocessable):
    """This is the published version already: nothing changed."""

    slug = "nothing-changed"


class SlugTaken(Conflict):
    """There is an assignment with this short name already."""

    slug = "slug-taken"


class TrialNotPassed(Conflict):
    """The author's own solutions have not passed yet. Wait for their trial, or correct the files that it names."""

    slug = "trial-not-passed"


class Faulty(Unprocessable):
    """This assignment cannot be used."""

    slug = "assignment-faulty"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(errors=[{"file": each.file, "line": each.line, "what": each.what} for each in faults])


@dataclass(frozen=True)
class Standing:
    """An assignment with its newest version and its open draft. At least one of them is there."""

    newest: PublishedAssignment | None
    draft: AssignmentDraft | None

    @property
    def revision(self) -> str:
        """Names this state: a page sends it back with a change that is based on it."""
        rows = [self.newest, self.draft.version if self.draft else None]
        return "-".join(row.digest[:16] if row else "none" for row in rows)

    @property
    def edited(self) -> PublishedAssignment:
        """The version that a change starts from."""
        rows = (self.draft.version if self.draft is not None else None, self.newest)
        return next(row for row in rows if row is not None)


def standing(session: Session, slug: str, *, lock: bool = False) -> Standing:
    """The state of an assignment. Raises `AssignmentNotFound`."""
    found = Standing(versions.newest(session, slug, lock=lock), repository.open_one(session, slug, lock=lock))
    if found.newest is None and found.draft is None:
        raise assignments.AssignmentNotFound(f"There is no assignment {slug!r}.")
    return found


def is_known(session: Session, slug: str) -> bool:
    """Whether there is an assignment of this name, published or a draft."""
    return versions.newest(session, slug) is not None or repository.open_one(session, slug) is not None


def create(
    session: Session,
    engine: JobEngine,
    viewer: Viewer,
    template: Assignment,
    slug: str,
    title: Mapping[str, str],
    course: str = FIRST,
) -> AssignmentDraft:
    """The draft of a new assignment that begins as a copy of another one. Raises `SlugTaken` or what `save` raises."""
    if is_known(session, full_name(course, slug)):
        raise SlugTaken(f"There is an assignment {slug} already. Choose another short name.")
    text = editing.with_identity(template.files[MAIN], slug, title)
    return save(session, engine, viewer, {**template.files, MAIN: text}, "", course)


def save(
    session: Session,
    engine: JobEngine,
    viewer: Viewer,
    texts: Mapping[str, str],
    revision: str,
    course: str = FIRST,
) -> AssignmentDraft:
    """Make these files the open draft of their assignment in a course, in the place of a former one.

    The version becomes the next one unless it is higher already. ``revision`` is that of the `Standing` that the admin
    saw, empty for an assignment that was new. Raises `Faulty`, `ChangedMeanwhile` or `NothingChanged`, and
    `CourseNotFound`, `CourseArchived` or `NameTooLong`.
    """
    assignment = checked(texts)
    courses.find(session, course)
    courses.require_open(session, course)
    slug = assignments.slug_in(course, assignment)
    newest = versions.newest(session, slug, lock=True)
    former = repository.open_one(session, slug, lock=True)
    is_new = newest is None and former is None
    if revision != ("" if is_new else Standing(newest, former).revision):
        raise ChangedMeanwhile
    if newest is not None and dict(texts) == newest.files:
        raise NothingChanged
    if newest is not None and assignment.version <= newest.version:
        assignment = checked({**texts, MAIN: editing.with_version(texts[MAIN], newest.version + 1)})
    if former is not None and former.version.digest == assignment.digest:
        return former
    if former is not None:
        _end(session, viewer, former, DraftState.DISCARDED)
    row = assignments.store_draft(session, assignment, course)
    if not row.is_draft:
        raise NothingChanged(f"Version {row.version} is published with this content already.")
    tried = questions_to_try(assignment, assignments.definition(newest) if newest is not None else None)
    draft = AssignmentDraft(
        slug=slug,
        version_id=row.id,
        created_by_id=viewer.user_id,
        trial_state=TrialState.WAITING if tried else TrialState.NOT_NEEDED,
    )
    session.add(draft)
    try:
        session.flush()
    except IntegrityError:
        # Another request saved the first draft of this assignment since the check above.
        raise ChangedMeanwhile from None
    if tried:
        engine.enqueue_trial(session, draft.id, course_of(draft.slug))
    audit.record(
        session,
        viewer.login,
        "assignment.draft",
        slug,
        version=assignment.version,
        digest=assignment.digest,
        replaced=former.version.digest if former is not None else None,
    )
    return draft


def checked(texts: Mapping[str, str]) -> Assignment:
    """The assignment of these files. Raises `Faulty`."""
    assignment, faults = assignment_check.check_texts(texts)
    if assignment is None or faults:
        raise Faulty(faults)
    return assignment


def questions_to_try(assignment: Assignment, newest: Assignment | None) -> list[str]:
    """The numbers of the questions whose rubric the author's own solutions try and differs from the newest version."""
    former = {question.number: question for question in newest.questions} if newest is not None else {}
    return [
        question.number
        for question in assignment.questions
        if registry.of(question).tries_rubric
        and not (
            newest is not None
            and question.number in former
            and former[question.number].points == question.points
            and stale.measuring_key(newest, former[question.number]) == stale.measuring_key(assignment, question)
        )
    ]


def publish(session: Session, viewer: Viewer, slug: str, revision: str) -> PublishedAssignment:
    """Make the open draft the newest version. Raises `DraftNotFound`, `ChangedMeanwhile` or `TrialNotPassed`."""
    draft, found = _open(session, slug, revision)
    if not passed(draft):
        raise TrialNotPassed
    if found.newest is not None and draft.version.version <= found.newest.version:
        raise ChangedMeanwhile
    definition = assignments.definition(draft.version)
    row = assignments.publish_version(session, definition, viewer.login)
    importing.import_items(session, viewer.login, slug, definition)
    draft.state = DraftState.PUBLISHED
    return row


def passed(draft: AssignmentDraft) -> bool:
    """Whether nothing of the author's own solutions keeps the draft from being published."""
    if draft.trial_state is TrialState.DONE:
        return not any(finding["is_error"] for trial in draft.trial or () for finding in trial["findings"])
    return draft.trial_state is TrialState.NOT_NEEDED


def discard(session: Session, viewer: Viewer, slug: str, revision: str) -> None:
    """Throw the open draft away, and cancel its regrade. Raises `DraftNotFound` or `ChangedMeanwhile`."""
    draft, _ = _open(session, slug, revision)
    _end(session, viewer, draft, DraftState.DISCARDED)
    audit.record(session, viewer.login, "assignment.discard", slug, digest=draft.version.digest)


def renumber(session: Session, engine: JobEngine, viewer: Viewer, slug: str, revision: str) -> AssignmentDraft:
    """Let the open draft follow a version that was published since. Raises as `save` does."""
    draft, _ = _open(session, slug, revision)
    return save(session, engine, viewer, draft.version.files, revision, course_of(slug))


def try_again(session: Session, engine: JobEngine, viewer: Viewer, slug: str, revision: str) -> None:
    """Enqueue a trial again that was not passed. Raises `DraftNotFound` or `ChangedMeanwhile`.

    Also one with errors: on a busy machine a solution may run out of time that is right.
    """
    draft, _ = _open(session, slug, revision)
    if draft.trial_state is not TrialState.WAITING and not passed(draft):
        draft.trial_state, draft.trial, draft.trial_failure = TrialState.WAITING, None, None
        engine.enqueue_trial(session, draft.id, course_of(draft.slug))


def try_on_submissions(
    session: Session, engine: JobEngine, viewer: Viewer, slug: str, revision: str, kind: Kind
) -> Regrade:
    """Start the regrade that shows what the draft would change. It can be published once the draft is.

    Raises `DraftNotFound`, `ChangedMeanwhile`, `TrialNotPassed` or `RegradeOpen`.
    """
    draft, _ = _open(session, slug, revision)
    if not passed(draft):
        raise TrialNotPassed
    return regrades.create(session, engine, viewer, RegradeWish(assignment=slug, kind=kind), draft.version)


def measured_anew(session: Session, found: Standing) -> list[str]:
    """The numbers of the questions that the draft measures in another way, so that stored evidence does not tell."""
    if found.draft is None or found.newest is None:
        return []
    draft, newest = assignments.definition(found.draft.version), assignments.definition(found.newest)
    former = {question.number: question for question in newest.questions}
    return [
        question.number
        for question in draft.questions
        if question.number not in former
        or stale.measuring_key(newest, former[question.number]) != stale.measuring_key(draft, question)
    ]


def _open(session: Session, slug: str, revision: str) -> tuple[AssignmentDraft, Standing]:
    found = standing(session, slug, lock=True)
    if found.draft is None:
        raise DraftNotFound
    if found.revision != revision:
        raise ChangedMeanwhile
    return found.draft, found


def _end(session: Session, viewer: Viewer, draft: AssignmentDraft, state: DraftState) -> None:
    draft.state = state
    session.flush()
    regrade = regrade_rows.open_one(session, draft.slug)
    if regrade is not None and regrade.target_id == draft.version_id:
        regrades.cancel(session, viewer, regrade.id)
