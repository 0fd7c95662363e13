"""The description of the API in a browser that reaches this service and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_the_api_is_described_without_another_host(open_page: OpenPage) -> None:
    page = open_page(at="/docs")
    expect(page.get_by_text("/api/v1/submissions/{submission_id}", exact=False).first).to_be_visible()
