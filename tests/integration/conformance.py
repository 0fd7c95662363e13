"""Requests that nobody thought of, made from the OpenAPI document: no server error, no undocumented answer.

The tests run a slice. `python -m tests.integration.conformance 100 postgresql` (or `sqlite`) makes a hundred requests
of each operation, role and kind.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from app.db import migrate
from app.settings import Settings
from tests.integration.postgresql import Server
from tests.integration.service import ADMIN_TOKEN, MODEL, Service, Site

ROLES = ("student", "nobody", "admin", "ta")
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_METHODS = ("get", "post", "put", "delete")


class Conformance:
    """A service, somebody of each role, and things of theirs that generated requests may name."""

    def __init__(self, service: Site) -> None:
        load_all_checks()
        self._checks: list[Any] = CHECKS.get_by_names(_CHECKS)
        self._url = service.url
        self._document = service.plain.get("/openapi.json").json()
        student = service.person()
        self._tokens = {
            "nobody": None,
            "student": student.token,
            "ta": service.person("ta").token,
            "admin": service.person("admin").token,
        }
        # A hand-in that has ended, so that nothing waits for it.
        submission = student.submit(model=MODEL, answers='{"2.2": "softer"}', pruning_points="ratio,accuracy\n0,0.5\n")
        assert student.post(f"/submissions/{submission}/cancel").status_code == 200
        spare = service.admin.post(f"/admin/users/{student.login}/tokens").json()["id"]
        self._known: Mapping[str, Any] = {
            "submission_id": submission,
            "slug": "hw13",
            "number": "1.1",
            "part": "model",
            "login": student.login,
            "token_id": spare,
        }
        # With a wrong guess an admin would revoke the token that the next request is made with.
        self._always = {"token_id": spare}

    def operations(self) -> Iterator[tuple[str, str]]:
        """Every operation of the document."""
        for path, item in self._document["paths"].items():
            yield from ((method, path) for method in _METHODS if method in item)

    def check(self, role: str, method: str, path: str, examples: int, *, derandomize: bool) -> None:
        """Make requests of one operation as one role. Raises with the request that broke a promise."""
        schema = schemathesis.openapi.from_dict(self._document)
        operation: Any = schema[path][method.upper()]
        named = {name: value for name, value in self._known.items() if f"{{{name}}}" in path}
        fixed = {name: value for name, value in self._always.items() if name in named}
        token = self._tokens[role]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        kinds = [(GenerationMode.POSITIVE, named), (GenerationMode.NEGATIVE, named)]
        if named != fixed:
            kinds.append((GenerationMode.POSITIVE, fixed))
        for mode, parameters in kinds:
            strategy = operation.as_strategy(mode, **({"path_parameters": parameters} if parameters else {}))

            @given(case=strategy)
            @settings(
                max_examples=examples,
                database=None,
                derandomize=derandomize,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def made(case: Any) -> None:
                response = case.call(base_url=self._url, session=session, headers=headers, timeout=90)
                # "No worker runs" (503) is an answer where the document promises it, and nowhere else.
                promised = response.status_code == 503 and "503" in operation.definition.raw["responses"]
                case.validate_response(response, checks=self._checks[1:] if promised else self._checks)

            with requests.Session() as session:
                try:
                    made()
                except Unsatisfiable:
                    assert mode is GenerationMode.NEGATIVE, "only a request without any parameter cannot be a wrong one"


def _run(examples: int, kind: str) -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder}/assay.sqlite3"
        if kind == "postgresql":
            server = Server()
            stack.callback(server.stop)
            url = server.create("conformance")
        configured = Settings(
            data_dir=Path(folder), database_url=SecretStr(url), admin_token=SecretStr(ADMIN_TOKEN), workers=1
        )
        migrate.upgrade(configured)
        service = Service(configured, worker=False)
        stack.callback(service.close)
        conformance = Conformance(service)
        for role in ROLES:
            for method, path in conformance.operations():
                try:
                    conformance.check(role, method, path, examples, derandomize=False)
                except BaseException as error:  # noqa: BLE001 - one broken operation must not hide the others
                    failed += 1
                    sys.stdout.write(f"{role}: {method.upper()} {path}\n{error}\n")
    sys.stdout.write(f"{failed} operations broke a promise\n")
    return failed


if __name__ == "__main__":
    sys.exit(bool(_run(int(sys.argv[1]), sys.argv[2])))
