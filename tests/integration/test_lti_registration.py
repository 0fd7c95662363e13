"""Dynamic registration: a platform registers itself with a link, and nobody else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.db.base import now
from app.db.engine import Database
from app.lti.models import RegistrationLink
from tests.integration import lti_platform as sim
from tests.integration.lti_platform import DEPLOYMENT, INSTRUCTOR, LTI, Browser, Platform
from tests.integration.service import Site
from tests.integration.test_lti_platform_pages import get, names, platform, post, site

__all__ = ["platform", "site"]


@pytest.fixture(autouse=True)
def as_before(platform: Platform, site: Site) -> Iterator[None]:
    yield
    platform.down, platform.configuration = False, {}
    for name in names(site.settings):
        post(site, f"/platforms/{name}/remove")


def link(site: Site, **typed: str) -> str:
    """A link's address, made by an admin."""
    page = post(site, "/links", {"name": "school", **typed})
    (found,) = re.findall(r"(http://\S+/lti/register\?link=[\w-]+)", page.text)
    return str(found)


def opened(platform: Platform, address: str, **more: str) -> dict[str, str]:
    """What the platform adds to the link's address when its administrator opens it, and the link's secret."""
    added = {"openid_configuration": f"{platform.url}/configuration", "registration_token": "from the platform"}
    return {"link": address.rpartition("=")[2], **added, **more}


def register(site: Site, form: dict[str, str]) -> httpx.Response:
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe", "Accept-Language": "en"}
    return site.plain.post("/lti/register", data=form, headers=headers)


def test_a_platform_registers_itself_and_launches(site: Site, platform: Platform) -> None:
    fields = opened(platform, link(site, staff="true", match="login=ext.user_username"))
    page = site.plain.get("/lti/register", params=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200
    assert f"frame-ancestors {platform.url};" in page.headers["content-security-policy"] + ";"
    assert names(site.settings) == [], "nothing happens before the button is pressed"
    answer = register(site, fields)
    assert "Registered" in answer.text, answer.text
    assert f"deployment id {DEPLOYMENT}" in answer.text
    token, tool = platform.registered[-1]
    assert token == "Bearer from the platform"
    assert tool["jwks_uri"] == f"{site.url}/lti/jwks"
    assert tool["scope"] == sim.SCORE
    shown = get(site, "/platforms/school").text
    assert "login=ext.user_username" in shown
    platform.enrol("tim", INSTRUCTOR, **{f"{LTI}custom": {"assignment": "hw13"}, f"{LTI}ext": {"user_username": "tim"}})
    browser = Browser(site.url)
    assert browser.launch(platform, "tim").headers["location"] == "/dashboard/hw13"
    browser.http.close()


def test_a_link_works_once_and_for_a_day(site: Site, platform: Platform) -> None:
    fields = opened(platform, link(site))
    platform.down = True
    assert "answers 503" in register(site, fields).text
    platform.down = False
    assert "Registered" in register(site, fields).text, "a failure leaves the link"
    count = len(platform.registered)
    for secret in (fields["link"], "", "x" * 43):
        assert register(site, {**fields, "link": secret}).status_code == 404
        assert site.plain.get("/lti/register", params={**fields, "link": secret}).status_code == 404
    late = opened(platform, link(site, name="late"))
    database = Database(site.settings)
    with database.write() as session:
        session.execute(update(RegistrationLink).values(expires_at=now()))
    database.close()
    assert register(site, late).status_code == 404
    assert len(platform.registered) == count, "the platform was not asked"
    assert names(site.settings) == ["school"]


@pytest.mark.parametrize(
    ("configuration", "complaint"),
    [
        ({"issuer": "https://moodle.example.edu"}, "is not at the host of"),
        ({"registration_endpoint": "https://moodle.example.edu/register"}, "is not at the host of"),
        ({"token_endpoint": "http://moodle.example.edu/token"}, "must begin with https://"),
        ({"jwks_uri": None}, "does not say jwks_uri"),
        ({"deployment_id": None}, "add it by hand"),
    ],
)
def test_a_configuration_that_cannot_be_trusted_registers_nothing(
    site: Site, platform: Platform, configuration: dict[str, Any], complaint: str
) -> None:
    platform.configuration = configuration
    answer = register(site, opened(platform, link(site)))
    assert answer.status_code == 422
    assert complaint in answer.text
    assert names(site.settings) == []


def test_only_admins_create_links_and_wrong_values_are_explained(site: Site, platform: Platform) -> None:
    for role in ("student", "ta"):
        assert post(site, "/links", {"name": "school"}, site.person(role).token).status_code == 403
    for typed, complaint in (({"name": "A B"}, "lower-case"), ({"name": "s", "match": "email=x"}, "is not a rule")):
        answer = post(site, "/links", typed)
        assert answer.status_code == 422
        assert complaint in answer.text
        assert f'value="{typed["name"]}"' in answer.text
    unknown = site.plain.get("/lti/register", params={"link": link(site).rpartition("=")[2]})
    assert "Paste the link where the platform registers tools" in unknown.text
