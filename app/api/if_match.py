"""``If-Match`` for decisions on scores: the entity tag names the report that the decision is based on."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Header
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import conditional
from app.language import LANGUAGES
from app.reports import service as reports
from app.scores import service
from app.submissions import service as submissions

IfMatch = Annotated[
    list[str] | None,
    Header(alias="If-Match", description="The submission's `ETag`. 412 if the submission has changed since."),
]


def check_if_match(
    session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, if_match: list[str] | None, lang: str
) -> None:
    """Compare with the tag of the current report, and lock the submission until the transaction ends.

    The tag of any language is valid. Raises `SubmissionNotFound`, `QuestionNotFound`, or
    `ChangedMeanwhile` with the current tag in the reader's language.
    """
    if if_match is None:
        return
    submission = submissions.find(session, viewer, submission_id, lock=True)
    current = service.standing(session, submission, number)
    tags = {tag: conditional.tag(reports.load_report(session, viewer, submission_id, tag)) for tag in LANGUAGES}
    if not conditional.matches(if_match, set(tags.values())):
        raise service.changed_meanwhile(session, submission, current, headers={"ETag": tags[lang]})
