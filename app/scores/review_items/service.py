"""Create and change review items, in the caller's transaction. A change reaches everyone who has the item."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.problems import Conflict, PreconditionFailed
from app.scores.models import Override, ReviewItem
from app.scores.review_items import repository
from app.scores.review_items.models import ReviewItemChange
from app.scores.review_items.schemas import Effect, ItemChange, ItemPreview, ItemValues, ItemView, NewItem
from app.scores.service import OwnScore, PointsOutOfRange, QuestionNotFound, ReviewItemNotFound
from app.scores.standing import points_after


class KeyTaken(Conflict):
    """Another review item of this question has that key. Choose another digit, or none."""

    slug = "key-taken"


class ItemChanged(PreconditionFailed):
    """The review item has changed since you read it, and nothing was saved. Read it again and decide again."""

    slug = "review-item-changed"


class NeverChanged(Conflict):
    """This review item was never changed, so there is nothing to revert."""

    slug = "review-item-never-changed"


def list_items(session: Session, slug: str) -> list[ItemView]:
    """The review items of an assignment, by question and key. Raises `AssignmentNotFound`."""
    assignments.current(session, slug)
    rows = repository.of_assignment(session, slug)
    students = repository.students(session, [row.id for row in rows])
    return [_view(row, students.get(row.id, 0)) for row in rows]


def find(session: Session, item_id: int, *, lock: bool = False) -> ReviewItem:
    """A review item. Raises `ReviewItemNotFound`."""
    item = repository.get(session, item_id, lock=lock)
    if item is None:
        raise ReviewItemNotFound
    return item


def view(session: Session, item: ReviewItem) -> ItemView:
    """A review item as the API shows it."""
    return _view(item, repository.students(session, [item.id]).get(item.id, 0))


def create(session: Session, viewer: Viewer, slug: str, new: NewItem) -> ReviewItem:
    """Add a review item. Raises `AssignmentNotFound`, `QuestionNotFound`, `PointsOutOfRange` or `KeyTaken`."""
    _check_deduction(session, slug, new.question, new.deduction)
    others = [row for row in repository.of_assignment(session, slug) if row.question == new.question]
    free = [digit for digit in range(1, 10) if digit not in {row.key for row in others}]
    key = None if new.retired else new.key or next(iter(free), None)
    item = ReviewItem(
        slug=slug, question=new.question, text=new.text, deduction=new.deduction, key=key, retired=new.retired
    )
    _check_key(session, item, key)
    session.add(item)
    _flush(session)
    audit.record(session, viewer.login, "review_item.create", str(item.id), assignment=slug, **new.model_dump())
    return item


def preview(session: Session, item: ReviewItem, values: ItemValues) -> ItemPreview:
    """What a change of an item would do now. Raises `PointsOutOfRange` or `KeyTaken`."""
    _check_deduction(session, item.slug, item.question, values.deduction)
    _check_key(session, item, values.key)
    effects, students = _effects(session, item, values.deduction)
    return ItemPreview(
        item=item.id, revision=item.revision, students=students, effects=[effect for effect, _ in effects]
    )


def change(session: Session, viewer: Viewer, item_id: int, values: ItemValues, *, revision: int | None) -> ItemPreview:
    """Change an item for everyone who has it, at once. Returns what changed.

    Raises `ReviewItemNotFound`, `PointsOutOfRange`, `KeyTaken`, `OwnScore`, or `ItemChanged` if the item's revision is
    not ``revision``; ``None`` stands for any.
    """
    item = find(session, item_id, lock=True)
    if revision is not None and item.revision != revision:
        raise ItemChanged
    _check_deduction(session, item.slug, item.question, values.deduction)
    key = None if values.retired else values.key
    _check_key(session, item, key)
    changes_own = values.deduction != item.deduction and repository.has_submission_of(session, item.id, viewer.user_id)
    if changes_own and not viewer.is_admin:
        raise OwnScore
    repository.lock_submissions(session, item.id)
    effects, students = _effects(session, item, values.deduction)
    for effect, override in effects:
        override.score = effect.new
    before = _values(item)
    item.text, item.deduction, item.key, item.retired = values.text, values.deduction, key, values.retired
    item.revision += 1
    after = _values(item)
    rows = [[str(effect.submission), effect.old, effect.new] for effect, _ in effects]
    session.add(
        ReviewItemChange(
            item_id=item.id,
            before=before.model_dump(),
            after=after.model_dump(),
            effects=rows,
            by_id=viewer.user_id,
        )
    )
    _flush(session)
    repository.touch(session, item.id)
    audit.record(
        session,
        viewer.login,
        "review_item.change",
        str(item.id),
        before=before.model_dump(),
        after=after.model_dump(),
        changed=len(rows),
        changes_sha256=hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
    )
    return ItemPreview(
        item=item.id, revision=item.revision, students=students, effects=[effect for effect, _ in effects]
    )


def revert(session: Session, viewer: Viewer, item_id: int, *, revision: int | None) -> ItemPreview:
    """Change an item back to its values before the last change, for everyone who has it now.

    Points are computed from the items, so those of a submission that has the same items as before are what they were.
    Raises `NeverChanged`, and what `change` raises.
    """
    find(session, item_id, lock=True)
    return change(session, viewer, item_id, former_values(session, item_id), revision=revision)


def former_values(session: Session, item_id: int) -> ItemValues:
    """The values of an item before its last change. Raises `NeverChanged`."""
    changes = repository.changes(session, item_id)
    if not changes:
        raise NeverChanged
    return ItemValues.model_validate(changes[0].before)


def changes(session: Session, item_id: int) -> list[ItemChange]:
    """The changes of an item, newest first. Raises `ReviewItemNotFound`."""
    find(session, item_id)
    return [
        ItemChange(
            by=row.by.login,
            at=row.at,
            before=ItemValues.model_validate(row.before),
            after=ItemValues.model_validate(row.after),
            changed=len(row.effects),
        )
        for row in repository.changes(session, item_id)
    ]


def _effects(session: Session, item: ReviewItem, deduction: float) -> tuple[list[tuple[Effect, Override]], int]:
    """The points that another deduction of an item changes, and the number of submissions that have the item."""
    rows = repository.decisions(session, item.id)
    effects = []
    for override, login, stored_full, version in rows:
        # As for a `QuestionStanding`: a regrade of this question alone may use other points than the version.
        full = (
            stored_full if stored_full is not None else assignments.definition(version).question(item.question).points
        )
        new = points_after(full, [deduction if one.id == item.id else one.deduction for one in override.items])
        if new != override.score:
            effect = Effect(submission=override.submission_id, student=login, old=override.score, new=new)
            effects.append((effect, override))
    return effects, len(rows)


def _check_deduction(session: Session, slug: str, number: str, deduction: float) -> None:
    definition = assignments.current_definition(session, slug)
    try:
        points = definition.question(number).points
    except KeyError:
        raise QuestionNotFound(f"{slug} has no question {number[:16]!r}.") from None
    if deduction > points:
        raise PointsOutOfRange(f"Question {number} is worth {points:g} points; an item can take off 0 to {points:g}.")


def _check_key(session: Session, item: ReviewItem, key: int | None) -> None:
    if key is None:
        return
    for other in repository.of_assignment(session, item.slug):
        if (other.question, other.key) == (item.question, key) and other.id != item.id:
            raise KeyTaken


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError:
        # Another grader took the key after `_check_key`.
        raise KeyTaken from None


def _values(item: ReviewItem) -> ItemValues:
    return ItemValues(text=item.text, deduction=item.deduction, key=item.key, retired=item.retired)


def _view(item: ReviewItem, students: int) -> ItemView:
    return ItemView(
        **_values(item).model_dump(), id=item.id, question=item.question, revision=item.revision, students=students
    )
