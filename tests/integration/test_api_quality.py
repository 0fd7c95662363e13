"""What clients of the API may count on besides its routes: tags, waiting times, pages that do not shift."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.service import MODEL, Client, Site, assert_problem, example


def test_a_report_is_sent_again_only_when_it_changed(api: Site) -> None:
    student, ta = api.person(), api.person("ta")
    submission = student.submit(model=MODEL)
    path = f"/submissions/{submission}"
    first = student.get(path)
    tag = first.headers["etag"]
    same = student.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert student.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()
    chinese = student.get(path, headers={"If-None-Match": tag, "Accept-Language": "zh-TW"})
    assert chinese.status_code == 200
    given = {"score": 0.5, "reason": "seen"}
    assert ta.http.put(f"{path}/questions/1.1/override", json=given).status_code == 200
    changed = student.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["score"] == 0.5
    assert student.get(path, headers={"If-None-Match": "*"}).status_code == 304


def test_nobody_learns_from_a_tag_what_they_may_not_see(api: Site) -> None:
    submission = api.person().submit(model=MODEL)
    tag = api.admin.get(f"/submissions/{submission}").headers["etag"]
    assert_problem(api.person().get(f"/submissions/{submission}", headers={"If-None-Match": tag}), 404)
    assert_problem(api.client(None).get(f"/submissions/{submission}", headers={"If-None-Match": "*"}), 401)


@pytest.mark.parametrize("path", ["files/model", "results.json"])
def test_other_answers_have_tags_too(api: Site, path: str) -> None:
    student = api.person()
    submission = student.submit(model=("model.py", example("model.py")))
    tag = student.get(f"/submissions/{submission}/{path}").headers["etag"]
    again = student.get(f"/submissions/{submission}/{path}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_unavailable_says_when_to_ask_again(api: Site) -> None:
    answer = api.admin.get("/sandbox")
    assert_problem(answer, 503, "no-sandbox")
    assert int(answer.headers["retry-after"]) > 0


def test_submissions_that_come_meanwhile_do_not_shift_the_pages(api: Site) -> None:
    student = api.person()
    earlier = [student.submit(model=MODEL + f"# {number}\n") for number in range(5)]
    seen, cursor = [], None
    while True:
        page = _page(student, cursor)
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        student.submit(model=MODEL + f"# meanwhile {len(seen)}\n")
    assert seen == earlier[::-1]


def _page(student: Client, cursor: str | None) -> dict[str, Any]:
    answer = student.get("/submissions", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
    page: dict[str, Any] = answer.json()
    return page
