"""What axe-core finds on a page (https://github.com/dequelabs/axe-core)."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """Every violation, minor ones included, with the elements it concerns."""
    page.evaluate(_AXE)  # as the debugger does it, past the page's own content security policy
    result = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    return [
        f"{violation['impact']} {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
