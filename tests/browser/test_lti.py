"""A launch from a learning platform in a real browser: in a frame of another site, and into a window of its own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import Service
from tests.command_line import assay
from tests.integration import lti_platform as sim
from tests.integration.lti_platform import INSTRUCTOR, LEARNER, LTI, Platform

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def platform(service: Service) -> Iterator[Platform]:
    """A platform at another site (`localhost` is none of 127.0.0.1's), registered with the command."""
    with sim.running() as started:
        started.url = started.url.replace("127.0.0.1", "localhost")
        started.tool = service.url
        options = {
            "issuer": started.url,
            "client-id": sim.CLIENT,
            "deployment-id": sim.DEPLOYMENT,
            "auth-url": f"{started.url}/auth",
            "token-url": f"{started.url}/token",
            "jwks-url": f"{started.url}/jwks",
        }
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        assert assay("lti", "add", "school", *given, **service.environment).returncode == 0
        yield started


def test_a_student_comes_in_from_a_frame_and_a_teacher_picks_in_one(
    browser: Browser, service: Service, platform: Platform
) -> None:
    platform.enrol("ann", LEARNER, **{f"{LTI}custom": {"assignment": "hw13"}})
    platform.enrol("ines", INSTRUCTOR, **sim.deep_linking(platform))
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    course = {"target": f"{service.url}/lti/launch", "frame": "yes"}
    page.goto(f"{platform.url}/course?{urlencode({'hint': 'ann', **course})}")
    page.get_by_role("button", name="Go").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("button", name="Open in a new window")).to_be_visible(timeout=30_000)
    with context.expect_page() as opened:
        frame.get_by_role("button", name="Open in a new window").click()
    window = opened.value
    expect(window.get_by_text("Name of ann")).to_be_visible(timeout=30_000)
    assert window.url == f"{service.url}/?assignment=hw13"
    window.close()

    page.goto(f"{platform.url}/course?{urlencode({'hint': 'ines', **course})}")
    page.get_by_role("button", name="Go").click()
    frame.locator("input[value=hw13]").check()
    (inside,) = [found for found in page.frames if "/lti/launch" in found.url]
    assert violations(inside) == []  # type: ignore[arg-type]
    frame.get_by_role("button", name="Use this assignment").click()
    expect(frame.get_by_role("heading", name="The link is in the course")).to_be_visible(timeout=30_000)
    assert platform.answers[-1][f"{sim.DEEP_LINKING}content_items"][0]["custom"] == {"assignment": "hw13"}

    # Without a frame there is no page in between.
    page.goto(f"{platform.url}/course?{urlencode({'hint': 'ann', 'target': course['target']})}")
    page.get_by_role("button", name="Go").click()
    page.wait_for_url(f"{service.url}/?assignment=hw13")
    expect(page.get_by_text("Name of ann")).to_be_visible(timeout=30_000)
    context.close()
