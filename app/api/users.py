"""``/admin/users`` and ``/admin/tokens``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from app import problems
from app.courses.names import FIRST
from app.http.authentication import AdminViewer
from app.http.sessions import WriteSession
from app.users import importing, service
from app.users.schemas import NewUser, RosterPreview, TokenView, UserView, UserWithToken

CourseQuery = Annotated[str, Query(max_length=16, description="The course, where there are several.")]
router = APIRouter(prefix="/admin", tags=["admin"], responses=problems.documented(401, 403, 422))


@router.post("/users", status_code=201, responses=problems.documented(404, 409))
def create_user(new: NewUser, viewer: AdminViewer, session: WriteSession, course: CourseQuery = FIRST) -> UserWithToken:
    """Add a person. The token is shown once."""
    user = service.create_user(session, **new.model_dump(), actor=viewer.login, course=course)
    token = service.create_token(session, user, actor=viewer.login)
    return UserWithToken(**UserView.model_validate(user).model_dump(), token=token.secret)


@router.post("/users/import", responses=problems.documented(404, 409))
def import_users(
    roster: Annotated[bytes, Body(media_type="text/csv")],
    viewer: AdminViewer,
    session: WriteSession,
    preview: Annotated[bool, Query(description="Show the changes, row by row, without making them.")] = False,
    course: CourseQuery = FIRST,
    drop_missing: Annotated[
        bool, Query(description="Mark the course's students who are not in the roster as dropped. Preview it first.")
    ] = False,
) -> list[UserWithToken] | RosterPreview:
    """Add the people of a roster, all rows or none; people who exist already are updated and enrolled.

    CSV with the columns login, name, role, student_id and section, a gradebook exported from Canvas, or Gradescope's
    roster.
    """
    plan = importing.plan_roster(session, importing.roster_text(roster), course)
    if preview:
        return RosterPreview.of(plan)
    drop = [user.login for user, _ in plan.missing] if drop_missing else []
    return [
        UserWithToken(login=row.login, name=row.name, role=row.role, student_id=row.student_id, token=row.token)
        for row in importing.import_plan(session, plan, actor=viewer.login, drop=drop)
    ]


@router.post("/users/{login}/tokens", status_code=201, responses=problems.documented(404))
def create_token(login: str, viewer: AdminViewer, session: WriteSession) -> TokenView:
    """Create one more token for a person. It is shown once."""
    user = service.find(session, login)
    token = service.create_token(session, user, actor=viewer.login)
    return TokenView(id=token.id, login=user.login, token=token.secret)


@router.delete("/tokens/{token_id}", status_code=204, responses=problems.documented(404))
def revoke_token(
    token_id: Annotated[int, Path(ge=1, le=2**31 - 1)], viewer: AdminViewer, session: WriteSession
) -> None:
    """Revoke a token, and end every browser session that began with it."""
    service.revoke_token(session, token_id, actor=viewer.login)
