"""``/admin/users/{login}/data.zip``: what is stored of one person. For admins."""

from __future__ import annotations

import tempfile

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from app import problems
from app.api.files import file_answer, read_and_close
from app.audit import service as audit
from app.http.authentication import AdminViewer
from app.http.request_language import Language
from app.http.sessions import Db
from app.personal_data import export
from app.users import service as users

router = APIRouter(prefix="/admin/users", tags=["admin"], responses=problems.documented(401, 403, 404, 422))


@router.get(
    "/{login}/data.zip",
    response_class=Response,
    responses=file_answer("application/zip", "The archive"),
)
def get_personal_data(viewer: AdminViewer, database: Db, login: str, lang: Language) -> Response:
    """Everything that is stored of a person: account, reports as they read them, uploads, requests. Audited."""
    with database.write() as session:
        audit.record(session, viewer.login, "person.export", users.find(session, login).login)
    # The file outlives this function: the response reads and closes it.
    archive = tempfile.TemporaryFile()  # noqa: SIM115
    with database.read() as session:
        export.write(session, login, archive, lang)
    archive.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{login}.zip"'}
    return StreamingResponse(read_and_close(archive), media_type="application/zip", headers=headers)
