"""Who may see and do what."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.integration.service import MODEL, Site, assert_problem

STAFF_ONLY = [
    ("GET", "/scores?assignment=hw13"),
    ("GET", "/scores.csv?assignment=hw13"),
    ("GET", "/scores/statistics?assignment=hw13"),
    ("GET", "/scores/export.jsonl?assignment=hw13"),
    ("GET", "/scores/feedback.zip?assignment=hw13"),
    ("GET", "/assignments/hw13/extensions"),
    ("PUT", "/assignments/hw13/extensions/somebody"),
    ("DELETE", "/assignments/hw13/extensions/somebody"),
    ("GET", "/assignments/hw13/release"),
    ("PUT", "/assignments/hw13/release"),
    ("DELETE", "/assignments/hw13/release"),
    ("POST", "/regrade-requests/1/answer"),
]
ADMIN_ONLY = [
    ("POST", "/admin/users"),
    ("POST", "/admin/users/import"),
    ("GET", "/admin/users/somebody/data.zip"),
    ("POST", "/admin/users/somebody/tokens"),
    ("DELETE", "/admin/tokens/1"),
    ("POST", "/admin/login-links"),
    ("DELETE", "/admin/login-links"),
    ("GET", "/admin/workers"),
    ("GET", "/admin/audit"),
]
FOR_ANYBODY_KNOWN = [
    ("GET", "/assignments"),
    ("GET", "/assignments/hw13"),
    ("GET", "/submissions"),
    ("POST", "/submissions"),
    ("GET", "/regrade-requests"),
    ("POST", "/regrade-requests/1/withdraw"),
]


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY + ADMIN_ONLY + FOR_ANYBODY_KNOWN)
@pytest.mark.parametrize("token", [None, "nonsense", "", "assay_" + "A" * 43])
def test_nobody_gets_in_without_a_valid_token(api: Site, method: str, path: str, token: str | None) -> None:
    client = api.client(token)
    answer = client.http.request(method, path)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY + ADMIN_ONLY)
def test_students_are_kept_out_of_the_staffs_routes(api: Site, method: str, path: str) -> None:
    assert_problem(api.person().http.request(method, path), 403, "forbidden")


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
def test_tas_are_kept_out_of_the_admins_routes(api: Site, method: str, path: str) -> None:
    assert_problem(api.person("ta").http.request(method, path), 403, "forbidden")


@pytest.mark.parametrize("role", ["ta", "admin"])
def test_staff_see_every_submission(api: Site, role: str) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    staff = api.person(role)
    assert staff.report(submission)["student"] == student.login
    assert staff.get(f"/submissions/{submission}/files/model").text == MODEL
    listed = staff.get("/submissions", params={"student": student.login}).json()["items"]
    assert [row["id"] for row in listed] == [submission]


def test_another_students_submission_does_not_exist(api: Site) -> None:
    student, other = api.person(), api.person()
    submission = student.submit(model=MODEL)
    base = f"/submissions/{submission}"
    for method, path in [
        ("GET", base),
        ("GET", base + "?wait=5"),
        ("GET", base + "/events"),
        ("GET", base + "/files/model"),
        ("GET", base + "/picture"),
        ("GET", base + "/results.json"),
        ("POST", base + "/cancel"),
    ]:
        assert_problem(other.http.request(method, path), 404, "submission-not-found")
    body = {"score": 0.5, "reason": "please"}
    assert_problem(student.http.put(f"{base}/questions/2.1/override", json=body), 403, "forbidden")
    assert_problem(student.http.delete(f"{base}/questions/2.1/override"), 403, "forbidden")
    assert other.get("/submissions", params={"student": student.login}).json()["items"] == []
    assert_problem(other.get(f"/submissions/{uuid.uuid4()}"), 404, "submission-not-found")
    assert student.report(submission)["state"] == "queued"


def test_a_revoked_token_ends_at_once(api: Site) -> None:
    student = api.person()
    made = api.admin.post(f"/admin/users/{student.login}/tokens").json()
    second = api.client(made["token"])
    assert second.get("/submissions").status_code == 200
    assert api.admin.http.delete(f"/admin/tokens/{made['id']}").status_code == 204
    assert_problem(second.get("/submissions"), 401)
    assert student.get("/submissions").status_code == 200
    assert_problem(api.admin.http.delete(f"/admin/tokens/{made['id']}"), 404, "token-not-found")
    assert_problem(api.admin.post("/admin/users/nobody-here/tokens"), 404, "user-not-found")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"login": "has space", "name": "x", "role": "student"}, 422),
        ({"login": "ok", "name": "x", "role": "professor"}, 422),
        ({"login": "ok", "name": "nul\0", "role": "student"}, 422),
        ({"login": "ok"}, 422),
        ({"login": "ok", "name": "x", "role": "student", "more": 1}, 422),
        ({"login": "admin", "name": "x", "role": "student"}, 409),
    ],
)
def test_people_that_make_no_sense_are_refused(api: Site, body: dict[str, object], status: int) -> None:
    assert_problem(api.admin.post("/admin/users", json=body), status)


def test_a_roster_is_imported_whole_or_not_at_all(api: Site) -> None:
    first, second = (f"r{uuid.uuid4().hex[:8]}" for _ in range(2))
    roster = f"\ufefflogin,name,role,student_id\r\n{first},王小明,,B10\r\n{second},Ann,ta,\r\n"
    made = api.admin.post("/admin/users/import", content=roster.encode(), headers={"Content-Type": "text/csv"})
    assert made.status_code == 200, made.text
    rows = made.json()
    assert [(row["login"], row["role"], row["student_id"]) for row in rows] == [
        (first, "student", "B10"),
        (second, "ta", None),
    ]
    ann = api.client(rows[1]["token"])
    assert ann.get("/scores", params={"assignment": "hw13"}).status_code == 200
    renamed = f"login,name\n{first},New Name\n"
    again = api.admin.post("/admin/users/import", content=renamed.encode(), headers={"Content-Type": "text/csv"}).json()
    assert again == [{"login": first, "name": "New Name", "role": "student", "student_id": "B10", "token": None}]
    third = f"r{uuid.uuid4().hex[:8]}"
    broken = f"login,name,role\n{third},Bob,student\nno good,Eve,student\n{second},Ann,student\n"
    csv = {"Content-Type": "text/csv"}
    seen = api.admin.post("/admin/users/import?preview=1", content=broken.encode(), headers=csv).json()
    assert [(row["login"], row["action"]) for row in seen["rows"]] == [(third, "add")]
    assert [row["line"] for row in seen["rejected"]] == [3, 4]
    answer = api.admin.post("/admin/users/import", content=broken.encode(), headers={"Content-Type": "text/csv"})
    refused = assert_problem(answer, 422, "roster")
    assert "Line 3" in refused["detail"]
    assert [error["line"] for error in refused["errors"]] == [3, 4]
    assert_problem(api.admin.post(f"/admin/users/{third}/tokens"), 404, "user-not-found")


def test_every_error_has_the_same_shape(api: Site) -> None:
    assert_problem(api.plain.get("/nothing/here"), 404)
    assert_problem(api.plain.delete("/healthz"), 405)
    assert_problem(api.admin.get("/submissions/not-a-uuid"), 422, "invalid-request")
    assert_problem(api.admin.get("/submissions", params={"cursor": "nonsense"}), 422, "unknown-cursor")
    assert_problem(api.admin.get("/submissions", params={"state": "sleeping"}), 422, "invalid-request")
    submission = api.admin.submit(model=MODEL)
    assert_problem(api.admin.get(f"/submissions/{submission}?wait=61"), 422, "invalid-request")
    assert_problem(api.admin.get("/assignments/hw%00"), 400, "bad-request")
    assert_problem(api.admin.get("/submissions?student=a%00b"), 400, "bad-request")
    assert_problem(api.admin.post("/admin/users", content=b"{"), 422, "invalid-request")
    assert_problem(api.admin.get("/scores", params={"assignment": "hw99"}), 404, "assignment-not-found")
    assert_problem(api.admin.get("/sandbox"), 503, "no-sandbox")


def test_pages_of_submissions_follow_each_other(api: Site) -> None:
    student = api.person()
    made = [student.submit(model=MODEL + "#" * index) for index in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = student.get("/submissions", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    student.post(f"/submissions/{made[0]}/cancel")
    cancelled = student.get("/submissions", params={"state": "cancelled", "assignment": "hw13"}).json()["items"]
    assert [row["id"] for row in cancelled] == [made[0]]
    assert student.get("/submissions", params={"assignment": "hw99"}).json()["items"] == []


def test_the_keys_of_the_questions_stay_inside(api: Site) -> None:
    assignment = api.person().get("/assignments/hw13").json()
    assert [question["points"] for question in assignment["questions"]] == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    assert assignment["questions"][3]["choices"].keys() == {"harder", "softer"}
    assert '"key"' not in json.dumps(assignment)
    assert assignment["limits"]["parameters"] == 100_000
    assert [row["slug"] for row in api.admin.get("/assignments").json()] == ["hw13", "hw13-2023", "prune-quantize"]


def test_changes_are_audited_in_an_unbroken_chain(api: Site) -> None:
    ta, student = api.person("ta"), api.person()
    submission = student.submit(model=MODEL)
    ta.http.put(f"/submissions/{submission}/questions/1.1/override", json={"score": 0.5, "reason": "seen"})
    log = api.admin.get("/admin/audit", params={"limit": 10}).json()
    assert log["broken_at"] is None
    newest = log["items"][0]
    assert (newest["actor"], newest["action"], newest["subject"]) == (ta.login, "override.set", f"{submission}/1.1")
    assert newest["detail"] == {"old": 0.0, "new": 0.5, "reason": "seen"}
    older = api.admin.get("/admin/audit", params={"limit": 10, "before": log["next_before"]}).json()["items"]
    assert all(entry["id"] < log["next_before"] for entry in older)


def test_operators_routes_answer(api: Site) -> None:
    assert api.plain.get("/healthz").json() == {"status": "alive"}
    assert api.plain.get("/readyz").json() == {"status": "ready"}
    assert 'assay_submissions{state="queued"}' in api.plain.get("/metrics").text
    assert api.plain.get("/docs").status_code == 200
    assert api.admin.get("/admin/workers").json()["workers"] == []
