"""Pages of the admins: an assignment begun, edited or uploaded; its draft tried, published or discarded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.assignments import differences
from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.courses import repository as courses
from app.courses.names import FIRST, course_of, full_name, own_name
from app.db.engine import Database
from app.drafts import archive, editing, repository, service
from app.drafts.models import TrialState
from app.http import request_language
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.pages import assignment_settings, rendering
from app.pages.admin_assignments import options_with_text, rubric
from app.pages.assignment_settings import SettingsForm
from app.pages.submission import STOP_POLLING
from app.presenting import filters
from app.problems import Problem, Unprocessable
from app.regrades.models import Kind
from app.regrades.service import view as regrade_view
from app.scores.review_items import importing
from grader import assignment as definitions
from grader import assignment_check
from grader.assignment import Tell
from grader.assignment_check import MAIN, Fault

router = APIRouter(prefix="/admin")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_Text = Annotated[str, Form(max_length=2000)]


class NoFile(Unprocessable):
    """Choose a ZIP archive first."""

    slug = "no-archive"


@router.get("/new-assignment")
def new(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """The forms that begin an assignment: as a copy of another one, or from an archive."""
    return _new_page(request, viewer, session, {})


@router.post("/new-assignment")
def begin(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    template: _Text = "",
    slug: _Text = "",
    title: _Text = "",
    title_zh: _Text = "",
    course: Annotated[str, Form(max_length=16)] = FIRST,
) -> Response:
    """Begin an assignment of a course as a copy of another one, and lead to its settings."""
    values = {
        "template": template, "slug": slug.strip(), "title": title.strip(), "title_zh": title_zh.strip(),
        "course": course,
    }  # fmt: skip
    errors = {} if _SLUG.fullmatch(values["slug"]) else {"slug": "slug"}
    if not values["title"]:
        errors["title"] = "required"
    for name in ("title", "title_zh"):
        if len(values[name]) > assignment_settings.MOST_TITLE or not values[name].isprintable():
            errors[name] = "title"
    texts = {"en": values["title"], **({"zh-Hant": values["title_zh"]} if values["title_zh"] else {})}
    try:
        with database.write() as session:
            if not errors:
                source = assignments.current_definition(session, template)
                service.create(session, request.app.state.jobs, viewer, source, values["slug"], texts, course)
    except service.SlugTaken:
        errors["slug"] = "slug_taken"
    except assignments.NameTooLong:
        errors["slug"] = "slug_long"
    if errors:
        with database.read() as session:
            return _new_page(request, viewer, session, values, errors)
    return RedirectResponse(f"/admin/assignments/{full_name(course, values['slug'])}/settings", status_code=303)


@router.post("/upload-assignment")
def upload(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    file: Annotated[bytes, File()] = b"",
    slug: Annotated[str, Form(max_length=40)] = "",
    revision: Annotated[str, Form(max_length=80)] = "",
    course: Annotated[str, Form(max_length=16)] = FIRST,
) -> Response:
    """Check an archive and make it the draft of its assignment in a course, or show every fault.

    With a ``slug``, it must be of that assignment, whose course counts.
    """
    course = course_of(slug) if slug else course
    if not file:
        return _upload_page(request, viewer, database, slug, course, problem=NoFile())
    if len(file) > archive.MOST_BYTES:
        what = f"the archive has {len(file):,} bytes; it may have {archive.MOST_BYTES:,}"
        return _upload_page(request, viewer, database, slug, course, [Fault("", None, what)])
    unpacked = archive.read(file)
    try:
        if unpacked.faults:
            raise service.Faulty(unpacked.faults)
        assignment = service.checked(unpacked.texts)
        if slug and assignment.slug != own_name(slug):
            line = next((n for n, text in enumerate(assignment.files[MAIN].splitlines(), 1) if "slug" in text), None)
            names = f"of {assignment.slug}, not of {own_name(slug)}"
            what = f"slug: this archive is {names}; start a new assignment with it instead"
            raise service.Faulty([Fault(MAIN, line, what)])
        with database.write() as session:
            service.save(session, request.app.state.jobs, viewer, unpacked.texts, revision, course)
    except service.Faulty as problem:
        return _upload_page(request, viewer, database, slug, course, problem.faults, unpacked.texts, problem)
    except Problem as problem:
        return _upload_page(request, viewer, database, full_name(course, assignment.slug), course, problem=problem)
    return RedirectResponse(f"/admin/assignments/{full_name(course, assignment.slug)}/draft", status_code=303)


@router.get("/assignments/{slug}/settings")
def settings(request: Request, viewer: AdminViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """The form of the title, the schedule and the rules of an assignment, or of its draft."""
    edited = assignments.definition(service.standing(session, slug).edited)
    return _settings_page(request, viewer, session, slug, SettingsForm(assignment_settings.values_of(edited)))


@router.post("/assignments/{slug}/settings")
async def save_settings(request: Request, viewer: AdminViewer, database: Db, slug: str) -> Response:
    """Save the form as the draft of a new version."""
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return await run_in_threadpool(_save_settings, request, viewer, database, slug, fields)


def _save_settings(
    request: Request, viewer: Viewer, database: Database, slug: str, fields: Mapping[str, str]
) -> Response:
    with database.read() as session:
        standing = service.standing(session, slug)
        edited = assignments.definition(standing.edited)
        form = assignment_settings.read(fields, edited)
        if form.errors:
            return _settings_page(request, viewer, session, slug, form, revision=fields.get("revision", ""))
    text = editing.with_settings(edited, form.title, form.schedule, form.tells, form.review, form.points)
    try:
        with database.write() as session:
            texts = {**edited.files, MAIN: text}
            service.save(session, request.app.state.jobs, viewer, texts, fields.get("revision", ""), course_of(slug))
    except Problem as problem:
        with database.read() as session:
            return _settings_page(request, viewer, session, slug, form, problem)
    return RedirectResponse(f"/admin/assignments/{slug}/draft", status_code=303)


@router.get("/assignments/{slug}/draft")
def draft(request: Request, viewer: AdminViewer, session: ReadSession, slug: str) -> Response:
    """The draft of an assignment: what it changes, what its trials show, and the buttons that decide."""
    if service.standing(session, slug).draft is None:
        return RedirectResponse(f"/admin/assignments/{slug}", status_code=303)
    return _draft_page(request, viewer, session, slug, "admin_draft.html")


@router.get("/assignments/{slug}/draft/progress")
def progress(request: Request, viewer: AdminViewer, session: ReadSession, slug: str) -> Response:
    """The body of the page, for the page's script."""
    if service.standing(session, slug).draft is None:
        return Response(status_code=STOP_POLLING, headers={"HX-Refresh": "true"})
    page = _draft_page(request, viewer, session, slug, "admin_draft_body.html")
    if not _is_running(session, slug):
        page.status_code = STOP_POLLING
    return page


@router.post("/assignments/{slug}/draft/{step}")
def take(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    slug: str,
    step: Literal["publish", "discard", "renumber", "again", "try"],
    revision: Annotated[str, Form(max_length=80)] = "",
    kind: Annotated[Kind, Form()] = Kind.RESCORE,
) -> Response:
    """Publish, discard or renumber the draft, try its rubrics again, or try it on stored submissions."""
    jobs = request.app.state.jobs
    path = f"/admin/assignments/{slug}"
    try:
        with database.write() as session:
            if step == "publish":
                service.publish(session, viewer, slug, revision)
            elif step == "discard":
                service.discard(session, viewer, slug, revision)
                path = path if service.is_known(session, slug) else "/admin/assignments"
            elif step == "renumber":
                service.renumber(session, jobs, viewer, slug, revision)
            elif step == "again":
                service.try_again(session, jobs, viewer, slug, revision)
            else:
                service.try_on_submissions(session, jobs, viewer, slug, revision, kind)
    except service.DraftNotFound:
        raise
    except Problem as problem:
        with database.read() as session:
            return _draft_page(request, viewer, session, slug, "admin_draft.html", problem)
    return RedirectResponse(path if step in ("publish", "discard") else f"{path}/draft", status_code=303)


def _new_page(
    request: Request,
    viewer: Viewer,
    session: Session,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> HTMLResponse:
    tag = request_language.of_request(request)
    offered = [assignments.definition(row) for row in assignments.all_current(session)]
    bundled = definitions.bundled_slugs()
    return rendering.page(
        request,
        "admin_new_assignment.html",
        status=422 if errors else 200,
        viewer=viewer,
        offered=[
            (it.slug, filters.localised(it.title, tag), len(it.questions), it.max_score, it.slug in bundled)
            for it in offered
        ],
        courses=[course for course in courses.several(session) if course.archived_at is None],
        values={"template": "hw13", "slug": "", "title": "", "title_zh": "", "course": FIRST, **values},
        errors=errors or {},
    )


def _upload_page(
    request: Request,
    viewer: Viewer,
    database: Database,
    slug: str,
    course: str,
    faults: Any = (),
    texts: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> HTMLResponse:
    """The page of an archive that was refused, with its faults and the line of each."""
    with database.read() as session:
        known = service.is_known(session, slug)
        revision = service.standing(session, slug).revision if known else ""
    rows = []
    for fault in faults:
        lines = (texts or {}).get(fault.file, "").splitlines()
        source = lines[fault.line - 1] if fault.line is not None and 0 < fault.line <= len(lines) else ""
        rows.append((fault, source.strip()[:200]))
    return rendering.page(
        request,
        "admin_upload.html",
        status=422,
        viewer=viewer,
        slug=slug if known else "",
        course=course,
        revision=revision,
        faults=rows,
        problem=None if faults else problem,
    )


def _settings_page(
    request: Request,
    viewer: Viewer,
    session: Session,
    slug: str,
    form: SettingsForm,
    problem: Problem | None = None,
    revision: str | None = None,
) -> HTMLResponse:
    tag = request_language.of_request(request)
    standing = service.standing(session, slug)
    edited = assignments.definition(standing.edited)
    current = assignment_settings.values_of(edited)
    is_conflict = isinstance(problem, service.ChangedMeanwhile)
    return rendering.page(
        request,
        "admin_settings.html",
        status=422 if form.errors else 200,
        viewer=viewer,
        slug=slug,
        title=filters.localised(edited.title, tag),
        standing=standing,
        # A form with errors keeps the state on which it is based; after a conflict it has shown the present one.
        revision=standing.revision if revision is None else revision,
        values={**current, **form.values},
        errors=form.errors,
        is_tell_wrong=any(name.startswith(assignment_settings.TELL) for name in form.errors),
        current={name: value for name, value in current.items() if is_conflict and form.values.get(name) != value},
        questions=[(question.number, filters.localised(question.title, tag)) for question in edited.questions],
        keeps=assignment_settings.KEEP,
        gradebooks=assignment_settings.GRADEBOOK,
        name_choices=assignment_settings.HIDE_NAMES,
        tells=list(Tell),
        faults=problem.faults if isinstance(problem, service.Faulty) else (),
        problem=problem,
    )


def _draft_page(
    request: Request, viewer: Viewer, session: Session, slug: str, template: str, problem: Problem | None = None
) -> HTMLResponse:
    tag = request_language.of_request(request)
    standing = service.standing(session, slug)
    draft, newest = standing.draft, standing.newest
    if draft is None:
        raise service.DraftNotFound
    definition = assignments.definition(draft.version)
    regrade = repository.newest_regrade(session, draft.version_id)
    return rendering.page(
        request,
        template,
        viewer=viewer,
        slug=slug,
        title=filters.localised(definition.title, tag),
        draft=draft,
        newest=newest,
        definition=definition,
        revision=standing.revision,
        is_overtaken=newest is not None and draft.version.version <= newest.version,
        changes=differences.lines(newest.files, draft.version.files) if newest is not None else [],
        questions=[rubric(definition, question, tag) for question in definition.questions],
        told_options=options_with_text(tag),
        remarks=assignment_check.remarks(definition),
        items=importing.plan(session, slug, definition),
        has_passed=service.passed(draft),
        measured_anew=service.measured_anew(session, standing),
        regrade=regrade_view(session, regrade) if regrade is not None else None,
        kinds=list(Kind),
        is_running=_is_running(session, slug),
        problem=problem,
    )


def _is_running(session: Session, slug: str) -> bool:
    """Whether the page of the draft changes by itself."""
    draft = service.standing(session, slug).draft
    if draft is None:
        return False
    regrade = repository.newest_regrade(session, draft.version_id)
    return draft.trial_state is TrialState.WAITING or (regrade is not None and regrade.state == "running")
