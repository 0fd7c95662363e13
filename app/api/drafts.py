"""``/admin/assignments``: begin a draft of an assignment from a ZIP, read and change its files, and publish it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app import problems
from app.assignments import differences
from app.auth.viewer import Viewer
from app.courses.names import FIRST, course_of, full_name, own_name
from app.drafts import archive, service
from app.drafts.models import TrialState
from app.drafts.service import Standing
from app.http import conditional
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession, WriteSession
from app.problems import NotFound, Unprocessable
from app.regrades import service as regrades
from app.regrades.models import Kind
from app.regrades.schemas import RegradeView
from grader.assignment_check import Fault

router = APIRouter(prefix="/admin/assignments", tags=["admin"], responses=problems.documented(401, 403, 404, 422))
IfDraftMatch = Annotated[
    list[str] | None,
    Header(alias="If-Match", description="The draft's `ETag`. 412 if the assignment has changed since."),
]
Name = Annotated[str, Query(max_length=200, description="The file, such as `assignment.toml`.")]


class NoSuchFile(NotFound):
    """The assignment has no such file. `GET .../draft` lists the files."""

    slug = "file-not-found"


class DraftView(BaseModel):
    """An assignment as its next change finds it: the open draft, or the newest version where there is none.

    ``published`` is the number of the newest version, null before the first one. ``trial`` has by question what the
    author's own solutions showed; ``can_publish`` is whether they keep the draft from being published. ``changes`` are
    the lines of a unified difference to the newest version.
    """

    assignment: str
    version: int
    digest: str
    is_draft: bool
    published: int | None
    files: list[str]
    changes: list[str]
    trial_state: TrialState | None
    trial: list[Any] | None
    trial_failure: str | None
    can_publish: bool
    created_by: str | None
    created_at: datetime | None


class FileText(BaseModel):
    """A text file of an assignment."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=archive.MOST_BYTES, pattern=r"^[^\x00]*$")]


@router.post("", status_code=201, responses=problems.documented(412, 413))
def import_assignment(
    request: Request,
    response: Response,
    viewer: AdminViewer,
    session: WriteSession,
    file: Annotated[bytes, File(description="A ZIP archive of the assignment's folder.")],
    course: Annotated[str, Query(max_length=16, description="The assignment's course.")] = FIRST,
    if_match: IfDraftMatch = None,
) -> DraftView:
    """Check an archive and make it the draft of its assignment; 422 lists every fault with its file and line."""
    if len(file) > archive.MOST_BYTES:
        raise Unprocessable(f"The archive has {len(file):,} bytes; it may have {archive.MOST_BYTES:,}.")
    unpacked = archive.read(file)
    if unpacked.faults:
        raise service.Faulty(unpacked.faults)
    slug = full_name(course, service.checked(unpacked.texts).slug)
    revision = _revision(session, slug, if_match) if service.is_known(session, slug) else ""
    service.save(session, request.app.state.jobs, viewer, unpacked.texts, revision, course)
    response.headers["Location"] = f"/api/v1/admin/assignments/{slug}/draft"
    return _answer(session, response, slug)


@router.get("/{slug}/draft")
def get_draft(viewer: AdminViewer, session: ReadSession, response: Response, slug: str) -> DraftView:
    """The open draft of an assignment, or the newest version where there is none. Its `ETag` is for `If-Match`."""
    return _answer(session, response, slug)


@router.get("/{slug}/draft/file", responses=problems.documented(404))
def get_draft_file(viewer: AdminViewer, session: ReadSession, response: Response, slug: str, name: Name) -> FileText:
    """A file of the draft, or of the newest version where there is no draft."""
    standing = service.standing(session, slug)
    if name not in standing.edited.files:
        raise NoSuchFile
    response.headers["ETag"] = _tag(standing)
    return FileText(text=standing.edited.files[name])


@router.put("/{slug}/draft/file", responses=problems.documented(412))
def set_draft_file(
    request: Request,
    response: Response,
    viewer: AdminViewer,
    session: WriteSession,
    slug: str,
    name: Name,
    file: FileText,
    if_match: IfDraftMatch = None,
) -> DraftView:
    """Add or replace a file, in the draft or in a new one. 422 lists every fault, and nothing is saved."""
    revision = _revision(session, slug, if_match)
    if archive.is_unusable(name):
        raise service.Faulty(
            [Fault(name, None, "an assignment has .toml, .py and .json files, by names below its folder")]
        )
    edited = service.standing(session, slug).edited
    texts = {**edited.files, name: file.text.replace("\r\n", "\n")}
    _save(request, session, viewer, slug, texts, revision)
    return _answer(session, response, slug)


@router.delete("/{slug}/draft/file", responses=problems.documented(412))
def remove_draft_file(
    request: Request,
    response: Response,
    viewer: AdminViewer,
    session: WriteSession,
    slug: str,
    name: Name,
    if_match: IfDraftMatch = None,
) -> DraftView:
    """Leave a file out of the draft, or of a new one."""
    revision = _revision(session, slug, if_match)
    texts = dict(service.standing(session, slug).edited.files)
    if texts.pop(name, None) is None:
        raise NoSuchFile
    _save(request, session, viewer, slug, texts, revision)
    return _answer(session, response, slug)


@router.post("/{slug}/draft/trial", status_code=202, responses=problems.documented(412))
def create_draft_trial(
    request: Request,
    response: Response,
    viewer: AdminViewer,
    session: WriteSession,
    slug: str,
    if_match: IfDraftMatch = None,
) -> DraftView:
    """Try the author's own solutions again, where their trial was not passed."""
    service.try_again(session, request.app.state.jobs, viewer, slug, _revision(session, slug, if_match))
    return _answer(session, response, slug)


@router.post("/{slug}/draft/preview", status_code=202, responses=problems.documented(409, 412))
def preview_draft(
    request: Request,
    response: Response,
    viewer: AdminViewer,
    session: WriteSession,
    slug: str,
    kind: Kind = Kind.RESCORE,
    if_match: IfDraftMatch = None,
) -> RegradeView:
    """Start the regrade that shows what the draft would change. Publish it after the draft."""
    revision = _revision(session, slug, if_match)
    regrade = service.try_on_submissions(session, request.app.state.jobs, viewer, slug, revision, kind)
    response.headers["Location"] = f"/api/v1/admin/regrades/{regrade.id}"
    return regrades.view(session, regrade)


@router.post("/{slug}/draft/publish", responses=problems.documented(409, 412))
def publish_draft(
    response: Response, viewer: AdminViewer, session: WriteSession, slug: str, if_match: IfDraftMatch = None
) -> DraftView:
    """Make the draft the newest version, which new submissions are graded by."""
    service.publish(session, viewer, slug, _revision(session, slug, if_match))
    session.flush()
    return _answer(session, response, slug)


@router.delete("/{slug}/draft", status_code=204, responses=problems.documented(412))
def remove_draft(viewer: AdminViewer, session: WriteSession, slug: str, if_match: IfDraftMatch = None) -> None:
    """Throw the draft away. Published versions stay."""
    service.discard(session, viewer, slug, _revision(session, slug, if_match))


def _answer(session: Session, response: Response, slug: str) -> DraftView:
    standing = service.standing(session, slug)
    draft, newest, edited = standing.draft, standing.newest, standing.edited
    response.headers["ETag"] = _tag(standing)
    return DraftView(
        assignment=slug,
        version=edited.version,
        digest=edited.digest,
        is_draft=draft is not None,
        published=newest.version if newest is not None else None,
        files=sorted(edited.files),
        changes=differences.lines(newest.files, edited.files) if newest is not None else [],
        trial_state=draft.trial_state if draft is not None else None,
        trial=draft.trial if draft is not None else None,
        trial_failure=draft.trial_failure if draft is not None else None,
        can_publish=draft is not None and service.passed(draft),
        created_by=draft.created_by.login if draft is not None else None,
        created_at=draft.created_at if draft is not None else None,
    )


def _revision(session: Session, slug: str, if_match: list[str] | None) -> str:
    """The revision that ``If-Match`` names, or the current one without it. Raises `ChangedMeanwhile`."""
    standing = service.standing(session, slug, lock=True)
    if if_match is not None and not conditional.matches(if_match, {_tag(standing)}):
        raise service.ChangedMeanwhile(headers={"ETag": _tag(standing)})
    return standing.revision


def _save(
    request: Request, session: Session, viewer: Viewer, slug: str, texts: Mapping[str, str], revision: str
) -> None:
    """Check the files and make them the draft. Raises `Faulty`, and `Unprocessable` for files of another assignment."""
    own = service.checked(texts).slug
    if own != own_name(slug):
        raise Unprocessable(
            f"The slug of {own_name(slug)} cannot change to {own}. Upload the folder as another assignment."
        )
    service.save(session, request.app.state.jobs, viewer, texts, revision, course_of(slug))


def _tag(standing: Standing) -> str:
    return f'"{standing.revision}"'
