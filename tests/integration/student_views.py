"""Everything that every route of the service answers to a student about a submission."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from fastapi.routing import iter_route_contexts

from app.main import create_app
from tests.integration.service import Client, Site

ELSEWHERE = {
    "/metrics": "counts requests",
    "/api/v1/submissions POST": "makes a submission, whose report is that of the other routes",
    "/ POST": "makes a submission",
    "/login POST": "starts a session",
    "/logout POST": "ends a session",
    "/theme POST": "sets a cookie",
    "/language POST": "sets a cookie",
    "/healthz": "knows no student",
    "/readyz": "knows no student",
}
"""Routes that show nobody a result, with the reason."""


@dataclass(frozen=True)
class StudentViews:
    """The views of a student's latest submission to an assignment; ``first`` is another one, to compare with."""

    client: Client
    slug: str
    first: str
    submission: str
    numbers: Sequence[str]
    parts: Sequence[str]

    def every(self, site: Site) -> dict[str, str]:
        """What every route answers, by method, path and the path as it was filled."""
        return {
            f"{method} {path} {filled.replace(self.submission, 'ID')}": self._view(site, method, filled)
            for method, path in _routes(site)
            for filled in self._fill(path)
        }

    def _view(self, site: Site, method: str, path: str) -> str:
        url = f"{site.url}{path}"
        body = {"json": {"reason": "Please look again."}} if path.endswith("/regrade-requests") else {}
        if method == "POST" and path.endswith("/requests"):
            body = {"data": {"reason": "Please look again."}}
        answer = self.client.http.request(method, url, **body if method != "GET" else {})  # type: ignore[arg-type]
        headers = {name: value for name, value in answer.headers.items() if name not in ("etag", "date")}
        return f"{answer.status_code} {headers} {text_of(answer)}"

    def _fill(self, path: str) -> list[str]:
        """The path for this submission, and for every question and part that it names."""
        if path == "/compare":
            return [f"/compare?first={self.first}&second={self.submission}"]
        values: dict[str, Sequence[str]] = {
            "submission_id": [self.submission],
            "number": self.numbers,
            "part": self.parts,
            "slug": [self.slug],
            "login": [self.client.login],
            "regrade_id": [str(uuid.UUID(int=1))],
        }
        paths = [path]
        for name in re.findall(r"{(\w+)", path):
            values.setdefault(name, ["999"])
            paths = [re.sub(rf"{{{name}(:\w+)?}}", value, one) for one in paths for value in values[name]]
        return [f"{one}?assignment={self.slug}" if one in ("/", "/api/v1/submissions") else one for one in paths]


def text_of(answer: httpx.Response) -> str:
    if answer.headers.get("content-type") != "application/zip":
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        return "\n".join(f"{name}\n{files.read(name).decode()}" for name in files.namelist())


def _routes(site: Site) -> list[tuple[str, str]]:
    """Every method and path of the application."""
    routes = iter_route_contexts(create_app(site.settings).routes)
    every = sorted({(method, route.path) for route in routes for method in route.methods or () if route.path})
    assert len(every) > 80
    return [
        (method, path)
        for method, path in every
        if path not in ELSEWHERE and f"{path} {method}" not in ELSEWHERE and not path.startswith("/lti")
    ]
