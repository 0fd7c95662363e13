"""All that is stored of a person as a ZIP, for that person to read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any

from sqlalchemy.orm import Session

from app.audit import repository as audit
from app.personal_data import repository
from app.reports import building
from app.submissions import repository as submissions
from app.users import repository as users
from app.users import service as people
from app.users.models import User


def write(session: Session, login: str, out: IO[bytes], language: str) -> None:
    """Write ``person.json``, and of each submission the report and the uploads, without withheld results.

    Notes that only the staff read are left out. Raises `UserNotFound`.
    """
    user = people.find(session, login)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", _json(_person(session, user)))
        for submission in repository.submissions(session, user.id):
            folder = f"{submission.assignment.slug}-{submission.attempt}"
            report = building.build_report(session, submission, language, is_staff=False)
            archive.writestr(f"{folder}/report.json", _json(report.model_dump(mode="json")))
            for name, _, data in submissions.part_files(session, submission.id):
                archive.writestr(f"{folder}/uploads/{name}", data)


def _person(session: Session, user: User) -> Mapping[str, Any]:
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role.value,
        "student_id": user.student_id,
        "added_at": _time(user.created_at),
        "tokens": [
            {"begins": row.hint, "created_at": _time(row.created_at), "revoked_at": _time(row.revoked_at)}
            for row in users.tokens(session, user)
        ],
        "platforms": [
            {"issuer": row.issuer, "known_as": row.subject, "since": _time(row.created_at)}
            for row in repository.identities(session, user.id)
        ],
        "extensions": [
            {"assignment": row.slug, "deadline": _time(row.deadline), "reason": row.reason}
            for row in repository.extensions(session, user.id)
        ],
        "excusals": [{"assignment": row.slug, "reason": row.reason} for row in repository.excusals(session, user.id)],
        "regrade_requests": [
            {
                "submission": str(row.submission_id),
                "question": row.question,
                "state": row.state.value,
                "reason": row.reason,
                "asked_at": _time(row.asked_at),
                "answer": row.answer,
            }
            for row in repository.requests(session, user.id)
        ],
        "audit_log": [
            {"at": _time(row.at), "action": row.action, "subject": row.subject}
            for row in audit.entries(session)
            if row.actor == user.login or row.subject == user.login
        ],
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
