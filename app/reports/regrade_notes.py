"""Notes on reports: a regrade changed the points of a question, or the deduction for lateness."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app import language
from app.regrades import repository
from app.reports.schemas import MessageView, Regraded

_QUESTION = {
    "en": "This question was regraded on {day}: {old} points became {new}.",
    "zh-Hant": "本題已於 {day} 重新評分：{old} 分改為 {new} 分。",
}
_LATE = {
    "en": "The deduction for late submission changed on {day}: {old}% became {new}%.",
    "zh-Hant": "遲交扣分已於 {day} 更改：由 {old}% 改為 {new}%。",
}


def published_changes(session: Session, submission_id: uuid.UUID) -> dict[str, Regraded]:
    """By question, the last published regrade that changed the points of a submission.

    The key `LATE` has the last one that changed the deduction for lateness, in percent.
    """
    return {
        question: Regraded(old=old, new=new, at=at)
        for question, old, new, at in repository.published_for(session, submission_id)
        if old != new and at is not None
    }


def question_note(regraded: Regraded, lang: str) -> MessageView:
    """The note at a question."""
    return MessageView(id="score.regraded", text=_render(_QUESTION, regraded, lang))


def late_note(regraded: Regraded, lang: str) -> MessageView:
    """The note below the total."""
    return MessageView(id="late.regraded", text=_render(_LATE, regraded, lang))


def _render(texts: dict[str, str], regraded: Regraded, lang: str) -> str:
    numbers = {"old": f"{regraded.old or 0:g}", "new": f"{regraded.new or 0:g}"}
    return language.text(texts, lang).format(day=regraded.at.date().isoformat(), **numbers)
