"""Requests that break off, that are too many, or that their sender may not make: each costs the service little."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from app.api import stream_limit
from app.http import submit_limit
from app.submissions import quota
from tests.integration.conftest import MakeSettings
from tests.integration.service import ADMIN_TOKEN, Client, ServiceInProcess, Site, assert_problem

METRICS_TOKEN = "for-prometheus-alone"
ANSWERS = '{"2.2": "softer"}'


@pytest.fixture(scope="module")
def site(make_settings: MakeSettings) -> Iterator[Site]:
    """The service without a worker, with a token for its metrics."""
    settings = make_settings("sqlite").model_copy(update={"metrics_token": SecretStr(METRICS_TOKEN)})
    service = ServiceInProcess(settings)
    yield service
    service.close()


@pytest.mark.parametrize("path", ["/api/v1/submissions", "/?assignment=hw13", "/check?assignment=hw13"])
def test_an_upload_that_breaks_off_is_no_failure_of_the_service(site: Site, path: str) -> None:
    student = site.person()
    address = urlsplit(site.url)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {student.token}\r\nContent-Length: 9000\r\n"
    before = _count(site, "POST", "400")
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")
    until = time.monotonic() + 30
    while _count(site, "POST", "400") == before:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "request failed" not in site.log.read_text()


def _count(site: Site, method: str, status: str) -> float:
    lines = site.plain.get("/metrics").text.splitlines()
    rows = [line for line in lines if line.startswith("assay_http_requests_total") and f'method="{method}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in rows if f'status="{status}"' in line)


def _json(fields: int) -> tuple[str, bytes]:
    return "application/json", json.dumps({f"a{number}": 1 for number in range(fields)}).encode()


def _plain_form(fields: int) -> tuple[str, bytes]:
    return "application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(fields))


def _file_form(fields: int) -> tuple[str, bytes]:
    part = '--mark\r\nContent-Disposition: form-data; name="a{}"\r\n\r\n1\r\n'
    body = "".join(part.format(number) for number in range(fields)) + "--mark--\r\n"
    return "multipart/form-data; boundary=mark", body.encode()


@pytest.mark.parametrize("kind", [_json, _plain_form, _file_form], ids=["json", "plain form", "form with files"])
@pytest.mark.parametrize(
    "path", ["/api/v1/submissions", "/api/v1/scores/canvas", "/api/v1/admin/users", "/login", "/admin/people/import"]
)
def test_unknown_fields_are_refused_with_a_short_answer(
    site: Site, path: str, kind: Callable[[int], tuple[str, bytes]]
) -> None:
    content_type, body = kind(100_000)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": content_type}
    answer = httpx.post(site.url + path, content=body, headers=headers, timeout=60)
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 20_000


def test_a_body_within_its_limit_lists_its_first_faults(site: Site) -> None:
    content_type, body = _json(5_000)
    answer = site.admin.post("/admin/users", content=body, headers={"Content-Type": content_type})
    assert len(assert_problem(answer, 422, "invalid-request")["errors"]) == 20


def test_a_person_follows_so_many_gradings_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_limit, "STUDENT_STREAMS", 3)
    student, other = site.person(), site.person()
    path = f"/submissions/{student.submit(answers=ANSWERS)}"
    with contextlib.ExitStack() as streams:
        for _ in range(3):
            streams.enter_context(student.http.stream("GET", f"{path}/events"))
        for url in (f"{path}/events", f"{path}?wait=30"):
            refused = student.get(url)
            assert_problem(refused, 429, "too-many-streams")
            assert refused.headers["Retry-After"]
        assert student.get(path).status_code == 200
        streams.enter_context(other.http.stream("GET", f"/submissions/{other.submit(answers=ANSWERS)}/events"))
    _wait_for(lambda: student.get(f"{path}?wait=0.01").status_code == 200)


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_student_posts_so_often_and_others_go_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_limit.SubmitLimit, "check", submit_limit.SubmitLimit(allowed=3).check)
    student, other = site.person(), site.person()
    for _ in range(3):
        assert_problem(student.post_submission(), 422, "nothing-handed-in")
    refused = student.post_submission(answers=ANSWERS)
    assert_problem(refused, 429, "too-many-posts")
    assert int(refused.headers["Retry-After"]) > 0
    assert other.post_submission(answers=ANSWERS).status_code == 202
    for _ in range(4):
        assert site.admin.post_submission(answers=ANSWERS).status_code == 202


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        (None, {}, 200),
        (None, {"X-Forwarded-For": "127.0.0.1"}, 401),
        (None, {"Forwarded": "for=127.0.0.1"}, 401),
        (None, {"X-Real-IP": "127.0.0.1"}, 401),
        ("wrong", {}, 401),
        (METRICS_TOKEN, {"X-Forwarded-For": "192.0.2.7"}, 200),
        (ADMIN_TOKEN, {"X-Forwarded-For": "192.0.2.7"}, 200),
        ("a student's", {"X-Forwarded-For": "192.0.2.7"}, 403),
    ],
)
def test_metrics_are_for_this_machine_staff_and_their_token(
    site: Site, token: str | None, headers: dict[str, str], status: int
) -> None:
    if token is not None:
        sent = site.person().token if token == "a student's" else token
        headers = headers | {"Authorization": f"Bearer {sent}"}
    answer = site.plain.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("assay_submissions" in answer.text) is (status == 200)


def test_the_metrics_token_opens_nothing_else(site: Site) -> None:
    holder = site.client(METRICS_TOKEN)
    assert_problem(holder.get("/submissions"), 401)


def test_a_ta_decides_on_no_score_of_their_own(site: Site) -> None:
    ta, other = site.person("ta"), site.person("ta")
    submission = ta.submit(answers=ANSWERS)
    path, points = f"/submissions/{submission}/questions/2.2/override", {"score": 0.5, "reason": "It is right."}
    assert_problem(ta.http.put(path, json=points), 403, "own-score")
    assert other.http.put(path, json=points).status_code == 200
    assert_problem(ta.http.delete(path), 403, "own-score")
    assert site.admin.http.delete(path).status_code == 204
    deadline = {"deadline": "2099-01-01T00:00:00Z", "reason": "I was ill."}
    for method, body in (("PUT", {"json": deadline}), ("DELETE", {})):
        answer = ta.http.request(method, f"/assignments/hw13/extensions/{ta.login}", **body)  # type: ignore[arg-type]
        assert_problem(answer, 403, "own-extension")


def test_cancelled_submissions_count_beyond_five_a_day(site: Site) -> None:
    student = site.person()
    used = [_submit_and_cancel(student) for _ in range(quota.FREE_CANCELS + 2)]
    assert used == [("attempt_returned", 0)] * quota.FREE_CANCELS + [("attempt_spent", 1), ("attempt_spent", 2)]


def _submit_and_cancel(student: Client) -> tuple[str, int]:
    """The effect that is told beforehand, and the attempts used afterwards."""
    submission = student.submit(answers=ANSWERS)
    effect = student.report(submission)["cancel_effect"]
    assert student.post(f"/submissions/{submission}/cancel").status_code == 200
    return effect, student.get("/assignments/hw13").json()["quota"]["used"]
