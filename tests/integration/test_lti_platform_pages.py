"""The admins' pages of learning platforms: added, tested, changed, rotated and removed in the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from app.db.engine import Database
from app.lti import repository
from app.settings import Settings
from tests.integration import lti_platform as sim
from tests.integration.conftest import MakeSettings
from tests.integration.lti_platform import DEPLOYMENT, LEARNER, LTI, Browser, Platform
from tests.integration.service import ServiceInProcess, Site


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with sim.running() as started:
        yield started


@pytest.fixture(scope="module")
def site(make_settings: MakeSettings, platform: Platform) -> Iterator[Site]:
    settings = make_settings("sqlite").model_copy(update={"lti_allow_local": True})
    service = ServiceInProcess(settings)
    platform.tool = service.url
    yield service
    service.close()


def typed(platform: Platform, **more: str) -> dict[str, str]:
    """What an admin types for the platform."""
    values = {
        "name": "school",
        "issuer": platform.url,
        "client_id": sim.CLIENT,
        "deployments": f"{DEPLOYMENT}\r\nanother",
        "auth_url": f"{platform.url}/auth",
        "token_url": f"{platform.url}/token",
        "jwks_url": f"{platform.url}/jwks",
    }
    return {**values, **more}


def get(site: Site, path: str = "", token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or site.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
    return site.plain.get(f"/admin/lti{path}", headers=headers)


def post(site: Site, path: str, form: dict[str, str] | None = None, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or site.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
    return site.plain.post(f"/admin/lti{path}", headers=headers, data=form or {})


def revision(page: httpx.Response) -> str:
    (found,) = re.findall(r'name="revision" value="(\w*)"', page.text)
    return str(found)


def names(settings: Settings) -> list[str]:
    database = Database(settings)
    with database.read() as session:
        found = [row.name for row in repository.platforms(session)]
    database.close()
    return found


@pytest.fixture
def added(site: Site, platform: Platform) -> Iterator[Platform]:
    """The platform, added by an admin and gone afterwards."""
    answer = post(site, "/new", typed(platform))
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/lti/platforms/school"), answer.text
    yield platform
    platform.down, platform.ahead = False, 0.0
    if "school" in names(site.settings):
        assert post(site, "/platforms/school/remove").status_code == 303


def test_an_added_platform_launches_and_a_removed_one_does_not(site: Site, added: Platform) -> None:
    added.enrol("ann", LEARNER, **{f"{LTI}custom": {"assignment": "hw13"}})
    browser = Browser(site.url)
    assert browser.launch(added, "ann").headers["location"] == "/?assignment=hw13"
    assert post(site, "/platforms/school/remove").headers["location"] == "/admin/lti"
    assert browser.begin(added, "ann").status_code == 403
    browser.http.close()
    assert get(site, "/platforms/school").status_code == 404
    actions = [entry["action"] for entry in site.admin.get("/admin/audit").json()["items"]]
    assert {"lti.platform.set", "lti.platform.remove"} <= set(actions)


def test_addresses_of_a_moodle_follow_from_its_issuer(site: Site, platform: Platform) -> None:
    moodle = {"name": "moodle", "issuer": "https://moodle.example.edu/", "client_id": "k", "deployments": "3"}
    assert post(site, "/new", moodle).status_code == 303
    shown = get(site, "/platforms/moodle").text
    for path in ("auth", "token", "certs"):
        assert f'value="https://moodle.example.edu/mod/lti/{path}.php"' in shown
    assert (
        post(site, "/new", {**moodle, "name": "half", "client_id": "h", "auth_url": "https://x.example/a"}).status_code
        == 422
    )
    assert post(site, "/platforms/moodle/remove").status_code == 303


@pytest.mark.parametrize(
    ("change", "status", "complaint"),
    [
        ({"name": "Not A Name"}, 422, "lower-case letters"),
        ({"name": "school"}, 409, "Choose another name"),
        ({"name": "twin"}, 409, "is registered as school"),
        (
            {"name": "plain", "client_id": "2", "jwks_url": "http://school.example.edu/jwks"},
            422,
            "must begin with https",
        ),
        ({"name": "loose", "client_id": "2", "match": "email=email"}, 422, "is not a rule"),
        ({"name": "none", "client_id": "2", "deployments": " , "}, 422, "at least one deployment id"),
    ],
)
def test_a_wrong_value_is_explained_and_nothing_typed_is_lost(
    site: Site, added: Platform, change: dict[str, str], status: int, complaint: str
) -> None:
    answer = post(site, "/new", typed(added, token_audience="https://typed.example/", staff="true", **change))
    assert answer.status_code == status
    assert complaint in answer.text
    assert 'value="https://typed.example/"' in answer.text
    assert re.search(r'name="staff"[^>]* checked', answer.text)
    assert names(site.settings) == ["school"]


def test_two_admins_do_not_overwrite_each_other(site: Site, added: Platform) -> None:
    before = revision(get(site, "/platforms/school"))
    first = typed(added, deployments="first", revision=before)
    assert post(site, "/platforms/school", first).status_code == 303
    refused = post(site, "/platforms/school", typed(added, deployments="second", revision=before))
    assert refused.status_code == 412
    assert "second</textarea>" in refused.text
    assert "<code>first</code>" in refused.text
    assert "first</textarea>" in get(site, "/platforms/school").text
    again = typed(added, deployments="second", revision=revision(refused))
    assert post(site, "/platforms/school", again).status_code == 303
    assert "second</textarea>" in get(site, "/platforms/school").text
    assert post(site, "/platforms/nobody", again).status_code == 404


def test_a_test_says_what_is_wrong_with_a_connection(site: Site, added: Platform) -> None:
    well = post(site, "/platforms/school/test").text
    assert well.count("Passed.") == 3
    assert "1 usable keys" in well
    assert len(added.assertions) == 1
    added.ahead = 90
    late = post(site, "/platforms/school/test").text
    assert "differs by +90 s" in late or "differs by +89 s" in late
    assert late.count("Failed.") == 1
    added.ahead, added.down = 0.0, True
    away = post(site, "/platforms/school/test").text
    assert away.count("Failed.") == 2
    assert "answers 503" in away


def test_keys_are_rotated_and_withdrawn(site: Site, added: Platform) -> None:
    def kids() -> list[str]:
        return [key["kid"] for key in site.plain.get("/lti/jwks").json()["keys"]]

    (first,) = kids()
    assert post(site, "/keys/rotate").status_code == 303
    both = kids()
    assert len(both) == 2
    assert first in both
    assert post(site, "/keys/rotate", {"at_once": "true"}).status_code == 303
    (last,) = kids()
    assert last not in both


def test_only_admins_reach_the_platforms(site: Site, added: Platform) -> None:
    for role in ("student", "ta"):
        token = site.person(role).token
        for path in ("", "/new", "/platforms/school"):
            assert get(site, path, token).status_code == 403
        for path in ("/new", "/platforms/school", "/platforms/school/test", "/platforms/school/remove", "/keys/rotate"):
            assert post(site, path, typed(added), token).status_code == 403
    assert names(site.settings) == ["school"]
