"""`assay submit`: sends a submission to a server and follows its grading live."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import typer
from rich.console import Console

from app.commands import parts, report
from app.commands.failures import Refused, UnusableInput
from app.commands.parts import Sources
from grader.parts import PartDefinition
from grader.submission import Repair, SubmittedParts

END_STATES = frozenset({"graded", "failed", "cancelled"})
_TIMEOUT = httpx.Timeout(30, read=90)
"""Seconds. The server sends a comment on an idle event stream well within the read time-out."""


class Client:
    """A client of one Assay server. Every method raises `Refused` with one line that says what to do."""

    def __init__(self, url: str, token: str, language: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._url = url
        self._language = language
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def parts(self, slug: str) -> list[PartDefinition]:
        """The parts of an assignment as the server has it."""
        return [
            PartDefinition(
                name=part["name"],
                kind=part["kind"],
                title={self._language: part["title"]},
                files=part["files"],
                option=part["option"],
                outputs=part.get("outputs", ()),
            )
            for part in self._json("GET", f"assignments/{quote(slug, safe='')}")["parts"]
        ]

    def submit(self, slug: str, submission: SubmittedParts) -> dict[str, Any]:
        """Send the submission; a retry of the request after a lost answer does not count twice."""
        files = {
            name: (part.filename, part.data, "application/octet-stream") for name, part in submission.parts.items()
        }
        return self._json(
            "POST",
            "submissions",
            data={"assignment": slug, "repair": submission.repair},
            files=files,
            headers={"Idempotency-Key": uuid4().hex},
        )

    def report(self, submission_id: str) -> dict[str, Any]:
        """The report as it stands, waiting up to a minute for an end state."""
        return self._json("GET", f"submissions/{submission_id}", params={"wait": 60})

    def events(self, submission_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and data of the server-sent events until the stream ends."""
        try:
            with self._client.stream("GET", f"submissions/{submission_id}/events") as answer:
                if answer.is_error:
                    answer.read()
                    raise Refused(_complaint(answer))
                yield from _parse_events(answer.iter_lines())
        except httpx.TransportError:
            return  # the report is asked for in any case

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise Refused(f"cannot reach {self._url} ({error}); is the service running? ASSAY_URL names it") from error
        if answer.is_error:
            complaint = _complaint(answer)
            raise (
                UnusableInput(complaint)
                if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
                else Refused(complaint)
            )
        result: dict[str, Any] = answer.json()
        return result


def _complaint(answer: httpx.Response) -> str:
    """A problem document in one line."""
    try:
        problem = answer.json()
        text = f"{problem['title']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        text = f"the server answered {answer.status_code} {answer.reason_phrase}"
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        text += " (ASSAY_TOKEN holds your token)"
    if retry := answer.headers.get("Retry-After"):
        text += f" (again in {retry} s)"
    return " ".join(text.split())


def _parse_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    name, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield name, json.loads("\n".join(data))
            name, data = "message", []
        elif line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))


def run(slug: str, sources: Sources, repair: Repair, language: str, as_json: bool) -> None:
    """Submit, follow, print the report. Raises `CommandError`."""
    sources.require_existing()
    token = os.environ.get("ASSAY_TOKEN")
    if not token:
        raise Refused("set ASSAY_TOKEN to your token; your course staff create one with `assay tokens create LOGIN`")
    if not (token.isascii() and token.isprintable()):
        raise UnusableInput("ASSAY_TOKEN is not a token: a token has only letters, digits, - and _")
    url = os.environ.get("ASSAY_URL", "http://127.0.0.1:8000")
    stderr = Console(stderr=True)
    with Client(url, token, language) as client:
        definitions = client.parts(slug)
        submission = SubmittedParts(parts.collect(definitions, sources), repair)
        for line in parts.output_remarks(definitions, submission.parts):
            typer.echo(line, err=True)
        result = client.submit(slug, submission)
        stderr.print(f"submitted as {result['id']}, attempt {result['attempt']}: {url}/submissions/{result['id']}")
        while result["state"] not in END_STATES:
            _follow(client, result["id"], stderr)
            result = client.report(result["id"])
    report.emit(result, as_json)
    if result["state"] != "graded":
        raise Refused(
            f"the grading ended as {result['state']}; your upload is stored, submit again or ask your course staff"
        )


def _follow(client: Client, submission_id: str, console: Console) -> None:
    with console.status("queued") as status:
        live = report.LiveStatus(status)
        for name, data in client.events(submission_id):
            if name == "progress":
                live.progress(data["stage"], data["done"], data["total"])
            elif name == "question":
                live.question(data)
            elif name == "done":
                return
