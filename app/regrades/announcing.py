"""Telling students that a regrade changed their points."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app import language
from app.regrades import repository
from app.submissions.schemas import MessageView, Regraded

_TEXTS = {
    "en": "This question was regraded on {day}: {old} points became {new}.",
    "zh-Hant": "本題已於 {day} 重新評分：{old} 分改為 {new} 分。",
}


def regraded(session: Session, submission_id: uuid.UUID) -> dict[str, Regraded]:
    """By question, the last published regrade that changed the points of a submission."""
    return {
        question: Regraded(old=old, new=new, at=at)
        for question, old, new, at in repository.published_for(session, submission_id)
        if old != new and at is not None
    }


def message(regraded: Regraded, lang: str) -> MessageView:
    """The sentence that the student reads."""
    points = {"old": f"{regraded.old or 0:g}", "new": f"{regraded.new or 0:g}"}
    text = language.text(_TEXTS, lang).format(day=regraded.at.date().isoformat(), **points)
    return MessageView(id="score.regraded", text=text)
