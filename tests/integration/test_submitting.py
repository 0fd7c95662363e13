"""Submitting: the forms that are accepted or refused, and the rows they store."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.service import MODEL, Client, Site, assert_problem, questions

pytestmark = pytest.mark.quick
MIB = 2**20


def raw(client: Client, body: bytes, content_type: str = "multipart/form-data; boundary=mark") -> httpx.Response:
    """POST a body as it is."""
    return client.post("/submissions", content=body, headers={"Content-Type": content_type})


def field(name: str, value: bytes, extra: str = "") -> bytes:
    """A field of a form with the boundary ``mark``."""
    return f'--mark\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


def test_a_submission_is_queued_and_reported(api: Site) -> None:
    student = api.person()
    answer = student.post_submission(model=("model.py", MODEL.encode()), answers='{"2.2": "softer"}')
    assert answer.status_code == 202
    report = answer.json()
    assert answer.headers["location"] == f"/api/v1/submissions/{report['id']}"
    assert report["student"] == student.login
    assert (report["assignment"], report["state"], report["attempt"]) == ("hw13", "queued", 1)
    assert (report["score"], report["max_score"]) == (0, 4)
    assert {question["verdict"] for question in report["questions"]} == {"pending"}
    assert student.report(report["id"]) == report
    assert student.post_submission(model=MODEL).json()["attempt"] == 2


def test_parts_come_back_byte_for_byte(api: Site) -> None:
    student = api.person()
    data = bytes(range(256)) * 9 + b"\r\n--mark\r\n\0"
    submission = student.submit(weights=("..\\..\\weights \u4e2d.pt", data), model=MODEL)
    answer = student.get(f"/submissions/{submission}/files/weights")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    parts = {part["name"]: part for part in student.report(submission)["parts"]}
    assert parts["weights"]["size"] == len(data)
    assert parts["weights"]["filename"] == "weights \u4e2d.pt"
    assert parts["model"]["filename"] is None
    assert student.get(f"/submissions/{submission}/files/model").text == MODEL
    assert_problem(student.get(f"/submissions/{submission}/files/loss"), 404, "part-not-found")
    assert_problem(student.get(f"/submissions/{submission}/files/nonsense"), 404, "part-not-found")


@pytest.mark.parametrize(
    ("parts", "status", "slug", "says"),
    [
        ({}, 422, "nothing-handed-in", "model"),
        ({"model": "", "loss": " \n\t", "answers": "{}"}, 422, "nothing-handed-in", "at least one part"),
        ({"model": MODEL, "answers": "{"}, 422, "unreadable-answers", "JSON object"),
        ({"answers": '["softer"]'}, 422, "unreadable-answers", "JSON object"),
        ({"model": MODEL, "assignment": "hw99"}, 404, "assignment-not-found", "hw99"),
        ({"model": MODEL, "assignment": ""}, 422, "unreadable-field", "assignment"),
        ({"model": MODEL, "assignment": "hw\0"}, 422, "unreadable-field", "control characters"),
        ({"model": MODEL, "assignment": b"\xff\xfe"}, 422, "unreadable-field", "UTF-8"),
        ({"model": MODEL, "repair": "please"}, 422, "unreadable-field", "suggest or apply"),
        ({"model": MODEL, "homework": "x"}, 422, "unknown-part", "pruning_points"),
        ({"model": MODEL, "student": "somebody-else"}, 403, "forbidden", "staff"),
        ({"model": b"#" * (8 * MIB + 1)}, 413, "part-too-large", "8,388,608"),
        ({"answers": b" " * (64 * 1024) + b"{"}, 413, "part-too-large", "answers"),
        ({"pruning_plot": b"x" * (10 * MIB + 1)}, 413, "part-too-large", "pruning_plot"),
        ({"weights": b"x" * (8 * MIB + 1)}, 413, "part-too-large", "weights"),
    ],
)
def test_bad_forms_are_refused_with_a_reason(
    api: Site, parts: dict[str, Any], status: int, slug: str, says: str
) -> None:
    student = api.person()
    body = assert_problem(student.post_submission(**parts), status, slug)
    assert says in body["detail"]
    assert student.get("/submissions").json()["items"] == []


def test_parts_of_the_largest_size_are_taken(api: Site) -> None:
    student = api.person()
    submission = student.submit(weights=b"w" * 8 * MIB, pruning_plot=b"p" * 10 * MIB, model=b"#" * MIB)
    assert len(student.get(f"/submissions/{submission}/files/pruning_plot").content) == 10 * MIB


def test_a_part_sent_twice_is_refused(api: Site) -> None:
    body = field("assignment", b"hw13") + field("model", b"a") + field("model", b"b") + b"--mark--\r\n"
    assert_problem(raw(api.person(), body), 422, "duplicate-part")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 415),
        (b"", "multipart/form-data; boundary=mark", 400),
        (field("assignment", b"hw13") + field("model", b"x"), "multipart/form-data; boundary=mark", 400),
        (b"no boundary at all", "multipart/form-data; boundary=mark", 400),
        (
            b"--mark\r\nContent-Disposition: form-data\r\n\r\nx\r\n--mark--\r\n",
            "multipart/form-data; boundary=mark",
            400,
        ),
        (field("assignment", b"hw13") + b"--mark--\r\n", "multipart/form-data; boundary=" + "m" * 500, 400),
    ],
)
def test_unreadable_bodies_are_refused(api: Site, body: bytes, content_type: str, status: int) -> None:
    assert_problem(raw(api.person(), body, content_type), status)


def test_200_mb_answer_413_and_the_next_submission_is_taken(api: Site) -> None:
    student = api.person()
    megabyte = b"x" * MIB
    whole = raw(student, megabyte * 200)
    assert_problem(whole, 413, "too-large")
    chunked = student.post(
        "/submissions",
        content=(megabyte for _ in range(200)),
        headers={"Content-Type": "multipart/form-data; boundary=mark"},
    )
    assert_problem(chunked, 413, "too-large")
    assert student.post_submission(model=MODEL).status_code == 202


def test_a_large_body_is_refused_everywhere(api: Site) -> None:
    answer = api.admin.post("/admin/users", content=(b" " * MIB for _ in range(41)))
    assert_problem(answer, 413, "too-large")


def test_the_same_key_and_body_answer_the_same_submission(api: Site) -> None:
    student, other = api.person(), api.person()
    key = uuid.uuid4().hex
    first = student.post_submission(key=key, model=MODEL)
    assert student.post_submission(key=key, model=MODEL).json()["id"] == first.json()["id"]
    assert_problem(student.post_submission(key=key, model=MODEL + "#"), 422, "idempotency-key-reused")
    assert_problem(student.post_submission(key=key, loss=MODEL), 422, "idempotency-key-reused")
    assert other.post_submission(key=key, model=MODEL).json()["id"] != first.json()["id"]
    assert len(student.get("/submissions").json()["items"]) == 1


def test_an_unusable_key_is_refused(api: Site) -> None:
    assert_problem(api.person().post_submission(key="k" * 201, model=MODEL), 422)


def test_the_same_key_racing_makes_one_submission(api: Site) -> None:
    student = api.person()
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(_once, api, student, key) for _ in range(8)]
    identifiers = {answer.result().json()["id"] for answer in answers}
    assert len(identifiers) == 1
    assert student.report(identifiers.pop())["attempt"] == 1


def _once(api: Site, student: Client, key: str | None = None) -> httpx.Response:
    return api.client(student.token).post_submission(key=key, model=MODEL)


def test_the_last_of_the_quota_goes_to_one_of_two_that_race(api: Site) -> None:
    student = api.person()
    per_day = student.get("/assignments/hw13").json()["quota"]["per_day"]
    for _ in range(per_day - 1):
        student.submit(model=MODEL)
    with ThreadPoolExecutor(4) as threads:
        racing = [threads.submit(_once, api, student) for _ in range(4)]
    answers = sorted((future.result() for future in racing), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [202, 429, 429, 429]
    assert answers[0].json()["attempt"] == per_day
    for refused in answers[1:]:
        assert_problem(refused, 429, "quota-spent")
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    quota = student.get("/assignments/hw13").json()["quota"]
    assert (quota["used"], quota["left"]) == (per_day, 0)
    assert quota["next_at"] is not None
    # A repeated key still returns its submission, and staff may still submit.
    assert api.admin.post_submission(model=MODEL, student=student.login).status_code == 202


def test_cancelled_before_it_began_costs_no_attempt(api: Site) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    assert student.get("/assignments/hw13").json()["quota"]["used"] == 1
    cancelled = student.post(f"/submissions/{submission}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["state"] == "cancelled"
    assert student.get("/assignments/hw13").json()["quota"]["used"] == 0
    assert student.post(f"/submissions/{submission}/cancel").json()["state"] == "cancelled"


def test_staff_submission_for_a_student(api: Site) -> None:
    student, ta = api.person(), api.person("ta")
    submission = ta.submit(model=MODEL, student=student.login)
    assert student.report(submission)["student"] == student.login
    assert_problem(ta.post_submission(model=MODEL, student="nobody-here"), 404, "user-not-found")


def test_the_report_before_grading_has_every_question_in_both_languages(api: Site) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    english = questions(student.report(submission))
    assert list(english) == ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"]
    chinese = student.get(f"/submissions/{submission}", headers={"Accept-Language": "zh-TW,en;q=0.5"}).json()
    assert english["1.1"]["title"] == "Student model architecture"
    assert questions(chinese)["1.1"]["title"] == "學生模型架構"
    assert student.get(f"/submissions/{submission}", params={"lang": "zh-Hant"}).json() == chinese
