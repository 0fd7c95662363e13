"""Add and remove notes of the staff about a student, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.problems import Forbidden, NotFound
from app.submissions import students
from app.submissions.staff_notes import repository
from app.submissions.staff_notes.models import StaffNote


class NoteNotFound(NotFound):
    """There is no such note."""

    slug = "note-not-found"


class OthersNote(Forbidden):
    """This note is another person's. Its author or an admin can delete it."""

    slug = "others-note"


def add(session: Session, viewer: Viewer, slug: str, login: str, text: str) -> StaffNote:
    """Add a note about a student. Raises `AssignmentNotFound`, `UserNotFound` or `OwnCase`."""
    assignments.current(session, slug)
    student = students.find_other(session, viewer, slug, login)
    note = StaffNote(slug=slug, user_id=student.id, text=text, by_id=viewer.user_id)
    session.add(note)
    session.flush()
    # The log keeps its entries for good, and a deleted note must be gone, so the text stays out of it.
    audit.record(session, viewer.login, "note.add", f"{slug}/{student.login}", note=note.id)
    return note


def delete(session: Session, viewer: Viewer, slug: str, login: str, note_id: int) -> None:
    """Delete a note. Raises `UserNotFound`, `OwnCase`, `NoteNotFound` or `OthersNote`."""
    student = students.find_other(session, viewer, slug, login)
    note = repository.get(session, slug, student.id, note_id)
    if note is None:
        raise NoteNotFound
    if note.by_id != viewer.user_id and not viewer.is_admin:
        raise OthersNote
    audit.record(session, viewer.login, "note.delete", f"{slug}/{student.login}", note=note.id)
    session.delete(note)
