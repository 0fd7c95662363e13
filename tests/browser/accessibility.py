"""What axe-core finds on a page (https://github.com/dequelabs/axe-core)."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()


def serious_violations(page: Page) -> list[str]:
    """Every serious or critical violation with the elements it concerns."""
    page.evaluate(_AXE)  # as the debugger does it, past the page's own content security policy
    violations = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
