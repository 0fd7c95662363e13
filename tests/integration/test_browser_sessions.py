"""Logging in with a browser: the cookie, its end, and requests that other sites make."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from app.http import cookies
from tests.integration.service import MODEL, Client, Site, assert_problem


@pytest.fixture
def browser(api: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url) as client:
        yield client


def log_in(browser: httpx.Client, person: Client) -> None:
    """Log in with the person's token."""
    answer = browser.post("/login", data={"token": person.token or ""})
    assert answer.status_code == 303, answer.text
    header = answer.headers["set-cookie"]
    assert cookies.NAME in header
    assert "HttpOnly" in header
    assert "SameSite=lax" in header


def test_a_cookie_opens_the_same_doors_as_the_token(api: Site, browser: httpx.Client) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    assert_problem(browser.get("/api/v1/submissions"), 401)
    log_in(browser, student)
    assert browser.get(f"/api/v1/submissions/{submission}").json()["student"] == student.login
    assert_problem(browser.get("/api/v1/scores?assignment=hw13"), 403)
    assert str(student.token) not in str(browser.cookies.jar)


def test_an_explicit_token_never_falls_back_to_the_cookie(api: Site, browser: httpx.Client) -> None:
    log_in(browser, api.person())
    assert_problem(browser.get("/api/v1/submissions", headers={"Authorization": "Bearer nonsense"}), 401)
    assert_problem(browser.get("/api/v1/submissions", headers={"Authorization": "Basic eDp5"}), 401)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, True),
    ],
)
def test_other_sites_change_nothing(api: Site, browser: httpx.Client, headers: dict[str, str], allowed: bool) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    log_in(browser, student)
    answer = browser.post(f"/api/v1/submissions/{submission}/cancel", headers=headers)
    if allowed:
        assert answer.status_code == 200
    else:
        assert_problem(answer, 403, "cross-site-request")
        assert student.report(submission)["state"] == "queued"
    # Reading needs no such care, and a bearer token cannot be sent by another site.
    assert browser.get(f"/api/v1/submissions/{submission}", headers=headers).status_code == 200
    assert student.post(f"/submissions/{submission}/cancel", headers=headers).status_code == 200


def test_our_own_origin_is_no_other_site(api: Site, browser: httpx.Client) -> None:
    student = api.person()
    submission = student.submit(model=MODEL)
    log_in(browser, student)
    answer = browser.post(f"/api/v1/submissions/{submission}/cancel", headers={"Origin": api.url})
    assert answer.status_code == 200


def test_the_session_ends_with_its_token(api: Site, browser: httpx.Client) -> None:
    student = api.person()
    made = api.admin.post(f"/admin/users/{student.login}/tokens").json()
    log_in(browser, api.client(made["token"]))
    assert browser.get("/api/v1/submissions").status_code == 200
    api.admin.http.delete(f"/admin/tokens/{made['id']}")
    assert_problem(browser.get("/api/v1/submissions"), 401)


def test_a_login_link_opens_a_browser_and_is_no_token(api: Site, browser: httpx.Client) -> None:
    student = api.person()
    [made] = api.admin.post("/admin/login-links", json={"logins": [student.login], "days": 1}).json()
    page, secret = made["link"].split("#")
    assert page == f"{api.url}/login/link"
    assert_problem(browser.get("/api/v1/submissions", headers={"Authorization": f"Bearer {secret}"}), 401)
    # Opening the page, as a mail scanner does, uses nothing up.
    assert browser.get(page).status_code == 200
    assert not browser.cookies
    assert browser.post("/login", data={"token": secret}).status_code == 303
    assert browser.get("/api/v1/submissions").status_code == 200
    api.admin.http.delete(f"/admin/tokens/{made['id']}")
    assert_problem(browser.get("/api/v1/submissions"), 401)
    assert_problem(api.admin.post("/admin/login-links", json={"logins": ["nobody-here"]}), 404, "user-not-found")


def test_logging_out_ends_the_session_on_the_server_too(api: Site, browser: httpx.Client) -> None:
    log_in(browser, api.person())
    stolen = dict(browser.cookies)
    assert browser.post("/logout").status_code == 303
    assert_problem(httpx.get(f"{api.url}/api/v1/submissions", cookies=stolen), 401)
