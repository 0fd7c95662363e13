"""Drafts of assignments over HTTP: begun from an archive, read, changed under `If-Match`, and published."""

from __future__ import annotations

from typing import Any

import httpx

from app.drafts import archive, editing
from grader.assignment import bundled
from grader.assignment_check import MAIN
from tests.integration.service import Site, assert_problem

BASE = "/admin/assignments"
HW13 = f"{BASE}/hw13/draft"


def texts(slug: str, **changes: str) -> dict[str, str]:
    """The files of hw13 under another name."""
    files = bundled("hw13").files
    return {**files, MAIN: editing.with_identity(files[MAIN], slug, {"en": "Mine"}), **changes}


def upload(api: Site, files: dict[str, str], **headers: str) -> httpx.Response:
    data = {"file": ("course.zip", archive.write(files, "course"), "application/zip")}
    return api.admin.http.post(BASE, files=data, headers=headers)


def file(api: Site, slug: str, name: str = MAIN) -> tuple[str, str]:
    """The text of a file, and its tag."""
    answer = api.admin.http.get(f"{BASE}/{slug}/draft/file", params={"name": name})
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["text"]
    return text, answer.headers["etag"]


def put(api: Site, slug: str, text: str, name: str = MAIN, **headers: str) -> httpx.Response:
    path = f"{BASE}/{slug}/draft/file"
    return api.admin.http.put(path, params={"name": name}, json={"text": text}, headers=headers)


def last_action(api: Site) -> tuple[str, str]:
    entry: dict[str, Any] = api.admin.http.get("/admin/audit").json()["items"][0]
    return entry["action"], entry["subject"]


def test_an_assignment_is_begun_changed_and_published(api: Site) -> None:
    made = upload(api, texts("mine"))
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1{BASE}/mine/draft"
    view = made.json()
    assert (view["is_draft"], view["published"], view["can_publish"]) == (True, None, True)
    assert api.person().http.get("/assignments/mine").status_code == 404
    text, tag = file(api, "mine")
    assert tag == made.headers["etag"]
    changed = put(api, "mine", text.replace("attempts_per_day = 20", "attempts_per_day = 7"), **{"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] != tag
    # Who read the state before overwrites nothing.
    late = put(api, "mine", text, **{"If-Match": tag})
    assert_problem(late, 412, "assignment-changed")
    assert late.headers["etag"] == changed.headers["etag"]
    assert_problem(
        api.admin.http.post(f"{BASE}/mine/draft/publish", headers={"If-Match": tag}), 412, "assignment-changed"
    )
    assert_problem(api.admin.http.delete(f"{BASE}/mine/draft", headers={"If-Match": tag}), 412, "assignment-changed")
    assert_problem(upload(api, texts("mine"), **{"If-Match": tag}), 412, "assignment-changed")
    published = api.admin.http.post(f"{BASE}/mine/draft/publish", headers={"If-Match": changed.headers["etag"]})
    assert published.status_code == 200, published.text
    assert (published.json()["is_draft"], published.json()["published"]) == (False, 1)
    assert last_action(api) == ("assignment.publish", "mine")
    assert api.person().http.get("/assignments/mine").json()["quota"]["per_day"] == 7
    assert_problem(api.admin.http.post(f"{BASE}/mine/draft/publish"), 404, "draft-not-found")


def test_a_published_assignment_gets_a_draft_whose_difference_is_read_and_discarded(api: Site) -> None:
    text, tag = file(api, "hw13")
    view = put(api, "hw13", text.replace("attempts_per_day = 20", "attempts_per_day = 9")).json()
    assert view["is_draft"]
    assert view["version"] == view["published"] + 1
    assert "+attempts_per_day = 9" in view["changes"]
    extra = put(api, "hw13", "x = 1\n", "notes/extra.py").json()
    assert "notes/extra.py" in extra["files"]
    removed = api.admin.http.delete(f"{HW13}/file", params={"name": "notes/extra.py"})
    assert "notes/extra.py" not in removed.json()["files"]
    preview = api.admin.http.post(f"{HW13}/preview", headers={"If-Match": removed.headers["etag"]})
    assert preview.status_code == 202, preview.text
    assert preview.json()["is_draft"]
    assert api.admin.http.post(f"{HW13}/trial").status_code == 202
    assert api.admin.http.delete(HW13).status_code == 204
    assert last_action(api) == ("assignment.discard", "hw13")
    after = api.admin.http.get(HW13)
    assert (after.json()["is_draft"], after.json()["changes"]) == (False, [])
    assert after.headers["etag"] == tag
    assert_problem(api.admin.http.delete(HW13), 404, "draft-not-found")
    assert_problem(put(api, "hw13", text), 422, "nothing-changed")


def test_every_fault_is_named_and_nothing_is_saved(api: Site) -> None:
    text, tag = file(api, "hw13")
    wrong = put(api, "hw13", text.replace("attempts_per_day", "atempts_per_day"))
    assert_problem(wrong, 422, "assignment-faulty")
    (fault,) = wrong.json()["errors"]
    assert (fault["file"], "attempts_per_day" in fault["what"].removeprefix("schedule.atempts_per_day")) == (MAIN, True)
    assert text.splitlines()[fault["line"] - 1].startswith("attempts_per_day")
    for name in ("../x.py", "/x.py", "notes.txt", ".git/x.py", "a//b.py", "c:x.py"):
        assert_problem(put(api, "hw13", "x = 1\n", name), 422, "assignment-faulty")
    assert_problem(put(api, "hw13", editing.with_identity(text, "other", {"en": "x"})), 422)
    assert_problem(put(api, "hw13", "\0"), 422)
    missing = {"name": "nothing.py"}
    assert_problem(api.admin.http.get(f"{HW13}/file", params=missing), 404, "file-not-found")
    assert_problem(api.admin.http.delete(f"{HW13}/file", params=missing), 404, "file-not-found")
    assert_problem(api.admin.http.delete(f"{HW13}/file", params={"name": MAIN}), 422, "assignment-faulty")
    assert_problem(api.admin.http.get(f"{BASE}/nothing/draft"), 404, "assignment-not-found")
    assert_problem(api.admin.http.post(BASE, files={"file": ("x.zip", b"no zip", "application/zip")}), 422)
    assert_problem(upload(api, {**texts("bad"), MAIN: "slug ="}), 422, "assignment-faulty")
    assert file(api, "hw13") == (text, tag)
    for role in ("student", "ta"):
        http = api.person(role).http
        assert_problem(http.get(HW13), 403, "forbidden")
        assert_problem(http.put(f"{HW13}/file", params={"name": MAIN}, json={"text": text}), 403, "forbidden")
        assert_problem(http.post(f"{HW13}/publish"), 403, "forbidden")
        assert_problem(http.post(BASE, files={"file": ("x.zip", b"", "application/zip")}), 403, "forbidden")
