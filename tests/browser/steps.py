"""What people do on the pages, again and again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

EXAMPLE = Path(__file__).parents[2] / "examples/hw13"
Shot = Callable[[Page, str], None]
GRADED = 240_000
"""Milliseconds for a grading on a busy machine."""


def paste_example(page: Page) -> None:
    """The example's texts pasted, its picture chosen, both questions answered."""
    for part in ("model", "loss", "summary"):
        file = EXAMPLE / {"summary": "summary.txt"}.get(part, f"{part}.py")
        page.locator(f"textarea[name={part}]").fill(file.read_text())
    page.locator("input[name='answer-2.2'][value=softer]").check()
    page.locator("input[name='answer-3.2'][value=no]").check()
    page.locator("input[name=pruning_plot-file]").set_input_files(EXAMPLE / "pruning.png")


def submit(page: Page) -> None:
    page.locator("main form button", has_text=re.compile("Submit|繳交")).click()
    page.wait_for_url("**/submissions/*")


def watch_shifts(page: Page) -> None:
    """Note the layout shifts of every page that is opened from now on (https://web.dev/articles/cls)."""
    page.add_init_script(
        """window.shifts = [];
        const place = ({node, previousRect, currentRect}) =>
          [node?.textContent.trim().slice(0, 60), previousRect.y, currentRect.y];
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.shifts.push([entry.value, entry.sources.map(place).join("; ")]);
        }).observe({type: "layout-shift", buffered: true});"""
    )


def shifts(page: Page) -> list[tuple[float, str]]:
    """Each layout shift of the page with the texts that moved, from where to where."""
    noted: list[tuple[float, str]] = page.evaluate("window.shifts")
    return noted
