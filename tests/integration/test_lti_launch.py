"""Launches from a learning platform: those that lead somewhere, and every kind that must not."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from app.db.engine import Database
from app.lti import delivery_repository
from app.lti.registration import Registration, register
from app.settings import Settings
from grader.sandbox.supervisor import Sandbox
from tests.integration import lti_platform as sim
from tests.integration.conftest import MakeSettings
from tests.integration.lti_platform import DEPLOYMENT, INSTRUCTOR, LEARNER, LTI, Browser, Platform
from tests.integration.service import ServiceInProcess, Site

HW13 = {f"{LTI}custom": {"assignment": "hw13"}}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with sim.running() as started:
        yield started


def registration(platform: Platform, **more: Any) -> Registration:
    values: dict[str, Any] = {
        "name": "school",
        "issuer": platform.url,
        "client_id": sim.CLIENT,
        "deployments": [DEPLOYMENT],
        "auth_url": f"{platform.url}/auth",
        "token_url": f"{platform.url}/token",
        "jwks_url": f"{platform.url}/jwks",
    }
    return Registration(**{**values, **more})


def enrolled(settings: Settings, platform: Platform, **more: Any) -> None:
    """Register the platform, or change what it may do."""
    database = Database(settings)
    with database.write() as session:
        register(session, registration(platform, **more), allow_local=True, actor="test")
    database.close()


@contextmanager
def serving(make_settings: MakeSettings, platform: Platform, sandbox: Sandbox | None = None) -> Iterator[Site]:
    """A service at which the platform is registered; with a sandbox, it grades."""
    settings = make_settings("sqlite").model_copy(update={"lti_allow_local": True})
    enrolled(settings, platform)
    service = ServiceInProcess(settings, sandbox)
    platform.tool = service.url
    yield service
    service.close()


@pytest.fixture(scope="module")
def tool(make_settings: MakeSettings, platform: Platform) -> Iterator[Site]:
    """The service without a worker: launches need none."""
    with serving(make_settings, platform) as service:
        yield service


@pytest.fixture
def browser(tool: Site) -> Iterator[Browser]:
    opened = Browser(tool.url)
    yield opened
    opened.http.close()


def assert_refused(answer: httpx.Response, reason: str, status: int = 403) -> None:
    """A page that says why, and what to do next; nobody is logged in by it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert f"<code>{reason}</code>" in answer.text, re.findall(r"<code>(\w+)</code>", answer.text)
    assert "What to do:" in answer.text
    assert "assay_session" not in answer.headers.get("set-cookie", "")


def me(browser: Browser) -> str:
    """The page that a launched browser sees first."""
    page = browser.send("GET", "/", site="same-origin")
    assert page.status_code == 200
    return page.text


def test_a_learner_becomes_a_student_in_a_window_of_their_own(tool: Site, platform: Platform, browser: Browser) -> None:
    platform.enrol("ann", LEARNER, **HW13)
    answer = browser.launch(platform, "ann")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?assignment=hw13")
    assert "Name of ann" in me(browser)
    browser.launch(platform, "ann")
    people = tool.admin.get("/scores", params={"assignment": "hw13"}).json()
    assert [row["name"] for row in people] == ["Name of ann"], "the second launch is of the same person"
    assert browser.send("GET", "/admin", site="same-origin").status_code == 403
    assert browser.send("GET", "/dashboard/hw13", site="same-origin").status_code == 403


def test_a_launch_in_a_frame_opens_a_window_with_a_ticket_that_works_once(
    tool: Site, platform: Platform, browser: Browser
) -> None:
    platform.enrol("fred", LEARNER, **HW13)
    page = browser.launch(platform, "fred", dest="iframe")
    assert page.status_code == 200
    assert "assay_session" not in page.headers.get("set-cookie", "")
    assert f"frame-ancestors {platform.url};" in page.headers["content-security-policy"] + ";"
    window = Browser(tool.url)
    elsewhere = window.send("POST", "/lti/open", data={"ticket": sim.ticket(page)})
    assert elsewhere.status_code == 403, "no other site may log somebody in with a ticket of its own"
    assert "assay_session" not in window.cookies
    answer = window.send("POST", "/lti/open", data={"ticket": sim.ticket(page)}, site="same-origin")
    assert answer.headers["location"] == "/?assignment=hw13"
    home = window.send("GET", "/", site="same-origin")
    assert "Name of fred" in home.text
    assert "frame-ancestors 'none'" in home.headers["content-security-policy"]
    again = window.send("POST", "/lti/open", data={"ticket": sim.ticket(page)}, site="same-origin")
    assert_refused(again, "ticket")
    window.http.close()


def test_an_instructor_picks_an_assignment_and_the_link_leads_there(
    tool: Site, platform: Platform, browser: Browser
) -> None:
    platform.enrol("ines", INSTRUCTOR, **sim.deep_linking(platform))
    page = browser.launch(platform, "ines", dest="iframe")
    assert page.status_code == 200, page.text
    assert re.findall(r'name="assignment" value="([\w-]+)"', page.text) == ["hw13", "hw13-2023", "prune-quantize"]
    choice = {"ticket": sim.ticket(page), "assignment": "hw13"}
    back = browser.send("POST", "/lti/pick", data=choice, site="same-origin", dest="iframe")
    assert f"form-action 'self' {platform.url};" in back.headers["content-security-policy"]
    (action,) = re.findall(r'<form id="lti-return" method="post" action="([^"]+)"', back.text)
    (token,) = re.findall(r'name="JWT" value="([^"]+)"', back.text)
    assert browser.http.post(action, data={"JWT": token}).status_code == 200
    signed = platform.answers[-1]
    assert signed[f"{LTI}deployment_id"] == DEPLOYMENT
    assert signed[f"{sim.DEEP_LINKING}data"] == "what the platform wants back"
    (item,) = signed[f"{sim.DEEP_LINKING}content_items"]
    assert item["lineItem"]["scoreMaximum"] == 4.0
    assert_refused(browser.send("POST", "/lti/pick", data=choice, site="same-origin"), "ticket")

    platform.enrol("lea", LEARNER, **{f"{LTI}custom": item["custom"]})
    answer = browser.launch(platform, "lea", item["url"])
    assert answer.headers["location"] == "/?assignment=hw13"


@pytest.mark.parametrize("ahead", [-59, -3, 3, 59])
def test_launches_and_choices_work_with_a_clock_that_differs_by_a_minute(
    platform: Platform, browser: Browser, ahead: int
) -> None:
    platform.ahead = ahead
    try:
        moment = int(platform.now())
        times = {"nbf": moment, "exp": moment + 60}  # as short as Moodle's
        platform.enrol("ivo", INSTRUCTOR, **sim.deep_linking(platform), **times)
        choice = {"ticket": sim.ticket(browser.launch(platform, "ivo")), "assignment": "hw13"}
        back = browser.send("POST", "/lti/pick", data=choice, site="same-origin")
        (token,) = re.findall(r'name="JWT" value="([^"]+)"', back.text)
        answer = browser.http.post(f"{platform.url}/deep-link-return", data={"JWT": token})
        assert answer.status_code == 200, answer.text
    finally:
        platform.ahead = 0.0


def test_a_choice_made_in_another_browser_is_refused(tool: Site, platform: Platform, browser: Browser) -> None:
    platform.enrol("ines", INSTRUCTOR, **sim.deep_linking(platform))
    page = browser.launch(platform, "ines", dest="iframe")
    browser.cookies = {"assay_lti": "x" * 43}
    choice = {"ticket": sim.ticket(page), "assignment": "hw13"}
    assert_refused(browser.send("POST", "/lti/pick", data=choice, site="same-origin"), "browser")


def test_a_learner_cannot_pick(platform: Platform, browser: Browser) -> None:
    platform.enrol("pia", LEARNER, **sim.deep_linking(platform))
    assert_refused(browser.launch(platform, "pia"), "role")


def test_a_choice_goes_to_registered_hosts_only(platform: Platform, browser: Browser) -> None:
    for url in ("https://elsewhere.example/x", "http://127.0.0.1:1/x", "javascript:alert(1)", "//elsewhere.example"):
        platform.enrol("ines", INSTRUCTOR, **sim.deep_linking(platform, deep_link_return_url=url))
        assert_refused(browser.launch(platform, "ines"), "target")


def test_teachers_are_staff_only_where_the_registration_says_so(
    tool: Site, platform: Platform, browser: Browser
) -> None:
    platform.enrol("tina", INSTRUCTOR, **HW13)
    assert_refused(browser.launch(platform, "tina"), "staff_unknown")
    enrolled(tool.settings, platform, staff=True)
    try:
        assert browser.launch(platform, "tina").headers["location"] == "/dashboard/hw13"
        assert browser.send("GET", "/dashboard/hw13", site="same-origin").status_code == 200
        assert browser.send("GET", "/admin", site="same-origin").status_code == 403, "never an admin"
        platform.enrol("boss", f"{sim.MEMBERSHIP}#Administrator", "http://x/institution/person#Administrator")
        assert_refused(browser.launch(platform, "boss"), "role")
        enrolled(tool.settings, platform)
        assert_refused(browser.launch(platform, "tina"), "match_privileged")
        platform.enrol("tina", LEARNER, **HW13)
        browser.launch(platform, "tina")
        assert browser.send("GET", "/dashboard/hw13", site="same-origin").status_code == 403, "staff no more"
    finally:
        enrolled(tool.settings, platform)


def test_the_name_of_somebody_follows_the_platform_and_the_roster_keeps_its_own(
    tool: Site, platform: Platform, browser: Browser
) -> None:
    platform.enrol("nia", LEARNER, **HW13, name="Nia Old")
    browser.launch(platform, "nia")
    for name in ("Nia New", ""):
        platform.enrol("nia", LEARNER, **HW13, name=name)
        browser.launch(platform, "nia")
        assert "Nia New" in me(browser)
    listed = tool.person()
    enrolled(tool.settings, platform, match="login=ext.user_username")
    try:
        platform.enrol(
            "lis", LEARNER, **HW13, name="Not From The Roster", **{f"{LTI}ext": {"user_username": listed.login}}
        )
        for _ in range(2):
            browser.launch(platform, "lis")
            assert f"Name of {listed.login}" in me(browser)
    finally:
        enrolled(tool.settings, platform)


def test_a_student_who_also_assists_has_a_gradebook_column_and_no_more_rights_than_allowed(
    tool: Site, platform: Platform, browser: Browser
) -> None:
    platform.enrol("both", LEARNER, INSTRUCTOR, **HW13, **platform.line_item(7))
    assert browser.launch(platform, "both").headers["location"] == "/?assignment=hw13"
    assert browser.send("GET", "/dashboard/hw13", site="same-origin").status_code == 403

    def subjects() -> list[str]:
        database = Database(tool.settings)
        with database.read() as session:
            found = [row.subject for row in delivery_repository.of_assignment(session, "hw13")]
        database.close()
        return found

    assert subjects() == ["both"]
    enrolled(tool.settings, platform, staff=True)
    try:
        platform.enrol("helper", LEARNER, INSTRUCTOR, **HW13, **platform.line_item(7))
        platform.enrol("teacher", INSTRUCTOR, **HW13, **platform.line_item(7))
        for subject in ("helper", "teacher"):
            assert browser.launch(platform, subject).headers["location"] == "/dashboard/hw13"
        assert sorted(subjects()) == ["both", "helper"]
    finally:
        enrolled(tool.settings, platform)


def test_people_are_found_by_the_rule_and_by_nothing_else(tool: Site, platform: Platform, browser: Browser) -> None:
    student, ta, admin = (tool.person(role) for role in ("student", "ta", "admin"))
    lis = f"{LTI}lis"
    platform.enrol("mail", LEARNER, email=f"{student.login}@example.edu", preferred_username=student.login, **HW13)
    platform.enrol("one", LEARNER, **HW13, **{lis: {"person_sourcedid": student.login.upper()}})
    browser.launch(platform, "mail")
    assert f"Name of {student.login}" not in me(browser)
    enrolled(tool.settings, platform, match="student-id=lis.person_sourcedid")
    try:
        browser.launch(platform, "one")
        assert f"Name of {student.login}" in me(browser)
        platform.enrol("two", LEARNER, **HW13, **{lis: {"person_sourcedid": student.login.upper()}})
        assert_refused(browser.launch(platform, "two"), "match_unusable")
        for value in (None, "", "$Person.sourcedId", ["x"]):
            platform.enrol("three", LEARNER, **HW13, **{lis: {"person_sourcedid": value}})
            assert_refused(browser.launch(platform, "three"), "match_missing")
        for staff in (ta, admin):
            platform.enrol(f"as-{staff.login}", LEARNER, **HW13, **{lis: {"person_sourcedid": staff.login.upper()}})
            assert_refused(browser.launch(platform, f"as-{staff.login}"), "match_privileged")
        platform.enrol("new", LEARNER, **HW13, **{lis: {"person_sourcedid": "B10901099"}})
        browser.launch(platform, "new")
        rows = tool.admin.get("/scores", params={"assignment": "hw13"}).json()
        assert "B10901099" in [row["student_id"] for row in rows]
    finally:
        enrolled(tool.settings, platform)


def test_a_former_login_of_the_browser_ends(tool: Site, platform: Platform, browser: Browser) -> None:
    platform.enrol("guest", LEARNER, **HW13)
    person = tool.person("ta")
    browser.send("POST", "/login", data={"token": person.token or ""}, site="same-origin")
    former = browser.cookies["assay_session"]
    browser.launch(platform, "guest")
    assert browser.cookies["assay_session"] != former
    browser.cookies["assay_session"] = former
    assert browser.send("GET", "/", site="same-origin").headers["location"].startswith("/login")


def test_a_replayed_launch_is_refused(platform: Platform, browser: Browser) -> None:
    platform.enrol("rex", LEARNER, **HW13)
    fields = browser.authorize(browser.begin(platform, "rex"))
    assert browser.end(fields).status_code == 303
    assert_refused(browser.end(fields), "state")
    # The same token in a launch that began later was signed for the former one.
    later = browser.authorize(browser.begin(platform, "rex"))
    assert_refused(browser.end({**later, "id_token": fields["id_token"]}), "nonce")
    assert_refused(browser.end(later), "state")


def test_a_launch_that_began_in_another_browser_is_refused(tool: Site, platform: Platform, browser: Browser) -> None:
    platform.enrol("eve", LEARNER, **HW13)
    fields = browser.authorize(browser.begin(platform, "eve"))
    victim = Browser(tool.url)
    assert_refused(victim.end(fields), "browser")
    assert_refused(browser.end(fields), "state")
    other = Browser(tool.url)
    other.begin(platform, "eve")
    fields = browser.authorize(browser.begin(platform, "eve"))
    assert_refused(other.end(fields), "browser")
    for opened in (victim, other):
        opened.http.close()


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT", "kid": "first"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def _with_public_key_as_secret(platform: Platform, claims: dict[str, Any]) -> str:
    """What a library does that takes the public key for a shared secret."""
    pem = (
        platform.keys["first"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    parts = ({"alg": "HS256", "typ": "JWT", "kid": "first"}, claims)
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(pem, signed, "sha256")).rstrip(b"=")
    return b".".join([signed, mac]).decode()


@pytest.mark.parametrize(
    "forgery", ["none", "public key", "another key", "unknown key id", "no key id", "cut", "empty"]
)
def test_a_launch_that_the_platform_did_not_sign_is_refused(platform: Platform, browser: Browser, forgery: str) -> None:
    platform.enrol("mal", LEARNER, **HW13)
    begun = browser.begin(platform, "mal")
    fields = browser.authorize(begun)
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False})
    other = sim.new_key()
    makers: dict[str, Callable[[], str]] = {
        "none": lambda: _unsigned(claims),
        "public key": lambda: _with_public_key_as_secret(platform, claims),
        "another key": lambda: platform.sign(claims, key=other),
        "unknown key id": lambda: platform.sign(claims, key=other, kid="of-nobody"),
        "no key id": lambda: jwt.encode(claims, other, algorithm="RS256", headers={}),
        "cut": lambda: fields["id_token"][:-8],
        "empty": lambda: "",
    }
    assert_refused(browser.end({**fields, "id_token": makers[forgery]()}), "signature")


MOMENT = int(time.time())


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("expired", {"exp": MOMENT - 3600, "iat": MOMENT - 7200}),
        ("expired", {"iat": MOMENT + 3600, "exp": MOMENT + 7200}),
        ("expired", {"nbf": MOMENT + 3600, "exp": MOMENT + 7200}),
        ("audience", {"aud": "another-client"}),
        ("audience", {"aud": [sim.CLIENT, "another"]}),
        ("audience", {"azp": "another"}),
        ("issuer", {"iss": "https://another.example.edu"}),
        ("nonce", {"nonce": "another"}),
        ("nonce", {"nonce": 7}),
        ("message", {"nonce": None}),
        ("message", {"exp": None}),
        ("deployment", {f"{LTI}deployment_id": "deployment-2"}),
        ("deployment", {f"{LTI}deployment_id": None}),
        ("message", {f"{LTI}message_type": "LtiSubmissionReviewRequest"}),
        ("message", {f"{LTI}version": "1.1"}),
        ("message", {"sub": None}),
        ("message", {"sub": ""}),
        ("target", {f"{LTI}target_link_uri": "https://elsewhere.example/lti/launch"}),
        ("target", {f"{LTI}target_link_uri": None}),
        ("target", {f"{LTI}custom": {"assignment": "hw13"}, "also": "?assignment=hw13-2023"}),
        ("assignment", {f"{LTI}custom": {"assignment": "hw99"}}),
        ("role", {f"{LTI}roles": []}),
        ("role", {f"{LTI}roles": "Learner"}),
    ],
)
def test_a_signed_launch_that_is_not_right_is_refused(
    platform: Platform, browser: Browser, reason: str, changed: dict[str, Any]
) -> None:
    platform.enrol("sam", LEARNER, **HW13)
    query = changed.get("also", "")
    fields = browser.authorize(browser.begin(platform, "sam", f"{browser.tool}/lti/launch{query}"))
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False}) | changed
    token = platform.sign({name: value for name, value in claims.items() if value is not None})
    assert_refused(browser.end({**fields, "id_token": token}), reason)


def test_a_launch_signed_for_another_of_our_addresses_is_refused(platform: Platform, browser: Browser) -> None:
    platform.enrol("ada", LEARNER)
    fields = browser.authorize(browser.begin(platform, "ada", f"{browser.tool}/lti/launch?assignment=hw13"))
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False})
    claims[f"{LTI}target_link_uri"] = f"{browser.tool}/lti/launch?assignment=hw13-2023"
    assert_refused(browser.end({**fields, "id_token": platform.sign(claims)}), "target")


def test_a_launch_that_cannot_begin_is_refused(platform: Platform, browser: Browser) -> None:
    platform.enrol("bea", LEARNER)
    assert_refused(browser.begin(platform, "bea", iss="https://another.example.edu"), "platform_unknown")
    assert_refused(browser.begin(platform, "bea", client_id="another"), "platform_unknown")
    assert_refused(browser.begin(platform, "bea", lti_deployment_id="another"), "deployment")
    for target in ("https://elsewhere.example/lti/launch", f"{browser.tool}/admin", f"{browser.tool}/lti/launch/../x"):
        assert_refused(browser.begin(platform, "bea", target), "target")
    assert_refused(browser.send("GET", "/lti/login"), "message")


def test_the_platform_may_say_no(platform: Platform, browser: Browser) -> None:
    platform.enrol("nora", LEARNER)
    fields = browser.authorize(browser.begin(platform, "nora"))
    answer = browser.end({"error": "login_required", "state": fields["state"]})
    assert_refused(answer, "platform_error")


def test_the_browser_is_sent_to_the_platform_with_what_it_needs(platform: Platform, browser: Browser) -> None:
    platform.enrol("olga", LEARNER)
    begun = browser.begin(platform, "olga")
    sent = httpx.URL(begun.headers["location"]).params
    assert begun.headers["location"].startswith(f"{platform.url}/auth?")
    assert (sent["scope"], sent["response_type"], sent["response_mode"]) == ("openid", "id_token", "form_post")
    assert (sent["prompt"], sent["redirect_uri"]) == ("none", f"{browser.tool}/lti/launch")
    (cookie,) = begun.headers.get_list("set-cookie")
    for attribute in ("Path=/lti", "HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert attribute in cookie
    query = platform.initiation("olga", f"{browser.tool}/lti/launch")
    assert browser.send("GET", "/lti/login", params=query).status_code == 302


def test_a_new_key_of_the_platform_is_asked_for_but_not_often(platform: Platform, browser: Browser) -> None:
    platform.enrol("kurt", LEARNER, **HW13)
    platform.keys["second"] = sim.new_key()
    platform.signing = "second"
    try:
        asked = platform.asked
        assert browser.launch(platform, "kurt").status_code == 303
        assert platform.asked == asked + 1
        for _ in range(5):
            fields = browser.authorize(browser.begin(platform, "kurt"))
            claims = jwt.decode(fields["id_token"], options={"verify_signature": False})
            forged = platform.sign(claims, kid="of-nobody")
            assert_refused(browser.end({**fields, "id_token": forged}), "signature")
        assert platform.asked - asked <= 3
    finally:
        platform.signing = "first"
        del platform.keys["second"]


def test_the_texts_of_a_refusal_are_there_in_chinese(platform: Platform, browser: Browser) -> None:
    answer = browser.send(
        "POST", "/lti/launch", data={"state": "x", "id_token": "y"}, headers={"Accept-Language": "zh-TW"}
    )
    assert "請這樣做" in answer.text


def test_private_keys_stay_where_they_are(tool: Site, platform: Platform) -> None:
    published = tool.plain.get("/lti/jwks").json()
    assert [set(key) for key in published["keys"]] == [{"kid", "kty", "alg", "use", "n", "e"}]
    log = tool.log.read_text()
    assert "PRIVATE KEY" not in log
    assert "eyJ" not in log, "no token either"
