"""Review items that stand in an assignment's file: publishing adds them, and changes none that graders have."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.language import DEFAULT
from app.scores.models import ReviewItem
from app.scores.review_items import repository
from grader.assignment import Assignment, ItemDefinition


@dataclass(frozen=True)
class PlannedItem:
    """An item of the file, and the item of the graders that it stands for; without one it is new."""

    question: str
    item: ItemDefinition
    present: ReviewItem | None

    @property
    def is_kept(self) -> bool:
        """Whether graders have the item in another form than the file, which stays."""
        present = self.present
        return present is not None and (
            present.retired or (present.text, present.deduction) != (_texts(self.item), self.item.deduction)
        )


def plan(session: Session, slug: str, definition: Assignment) -> list[PlannedItem]:
    """What publishing a definition does with the items of its file.

    The English text names an item, also after graders changed it: a former text of an item is known from its changes.
    """
    named: dict[tuple[str, str], ReviewItem] = {}
    for row in repository.of_assignment(session, slug):
        for change in repository.changes(session, row.id):
            named.setdefault((row.question, change.before["text"][DEFAULT]), row)
    for row in repository.of_assignment(session, slug):
        named[row.question, row.text[DEFAULT]] = row
    return [
        PlannedItem(question.number, item, named.get((question.number, _texts(item)[DEFAULT])))
        for question in definition.questions
        for item in question.items
    ]


def import_items(session: Session, actor: str, slug: str, definition: Assignment) -> int:
    """Add the items of a definition that graders do not have yet. Returns how many these are.

    An item whose key another item has got gets none.
    """
    planned = [one for one in plan(session, slug, definition) if one.present is None]
    taken = {(row.question, row.key) for row in repository.of_assignment(session, slug)}
    for one in planned:
        key = one.item.key if (one.question, one.item.key) not in taken else None
        taken.add((one.question, key))
        text = _texts(one.item)
        item = ReviewItem(slug=slug, question=one.question, text=text, deduction=one.item.deduction, key=key)
        session.add(item)
        session.flush()
        detail = {"assignment": slug, "question": one.question, "text": text, "deduction": one.item.deduction}
        audit.record(session, actor, "review_item.import", str(item.id), key=key, **detail)
    return len(planned)


def _texts(item: ItemDefinition) -> dict[str, str]:
    return {language: text.strip() for language, text in item.text.items() if text.strip()}
