"""What a form holds is shown before it counts, and two attempts are compared."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage
from tests.browser.steps import EXAMPLE, GRADED, Shot, submit

pytestmark = pytest.mark.browser


def test_files_go_to_their_places_and_are_read_before_they_count(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("dan")
    expect(page.locator("#overview")).to_contain_text("Nothing recognised yet")
    files = [EXAMPLE / name for name in ("model.py", "loss.py", "summary.txt", "pruning.png")]
    page.locator("#several").set_input_files(files)
    found = page.locator("#submission-form")
    expect(found).to_contain_text("get_student_model is defined")
    expect(found).to_contain_text("loss_fn_kd is defined")
    expect(found).to_contain_text("96,587")
    expect(page.locator("#mark-3\\.1")).to_contain_text(re.compile(r"\d+ × \d+ pixels"))
    expect(found).to_contain_text("Not answered yet: 2.2, 3.2")
    page.locator("input[name='answer-2.2'][value=softer]").check()
    expect(found).to_contain_text("Not answered yet: 3.2")
    assert violations(page) == []
    shot(page, "preview")
    page.reload()  # nothing counted so far
    expect(page.locator("main")).to_contain_text("You have not submitted anything yet")


def test_one_dropped_notebook_shows_what_will_not_run(open_page: OpenPage, shot: Shot, tmp_path: Path) -> None:
    cells = ["!nvidia-smi", (EXAMPLE / "model.py").read_text(), (EXAMPLE / "loss.py").read_text()]
    cells += ["for epoch in range(3):\n    train(<script>alert(1)</script>)", "train()"]
    notebook = {
        "cells": [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    page = open_page("dan")
    page.evaluate(
        """text => {
          const files = new DataTransfer();
          files.items.add(new File([text], "hw13.ipynb"));
          const drop = new DragEvent("drop", {dataTransfer: files, bubbles: true});
          document.getElementById("submission-form").dispatchEvent(drop);
        }""",
        json.dumps(notebook),
    )
    found = page.locator("#submission-form")
    expect(found).to_contain_text("get_student_model is defined")
    expect(page.locator("#mark-2\\.1")).to_contain_text("loss_fn_kd is defined. (in: Student model)")
    page.get_by_text("statements were skipped").click()
    expect(found).to_contain_text("notebook command")
    shot(page, "preview-notebook")


@pytest.mark.thorough
def test_damage_is_repaired_on_request_and_missing_names_are_told(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("dan")
    damaged = (EXAMPLE / "model.py").read_text().replace("__init__", "init")
    page.locator("textarea[name=model]").fill(damaged)
    page.locator("textarea[name=loss]").fill("def loss_fn_kd(a, b, c, alpha, temperature):\n    return mystery(a)\n")
    found = page.locator("#submission-form")
    expect(found).to_contain_text("mystery (line 2) is not defined")
    expect(found.locator(".diff .added").first).to_contain_text("__init__")
    shot(page, "preview-repair")
    page.get_by_role("button", name="Apply the repair").click()
    expect(found).to_contain_text("The repaired text will be graded")
    expect(page.locator("#repair")).to_be_checked()
    assert violations(page) == []


@pytest.mark.thorough
def test_two_attempts_are_compared(open_page: OpenPage, shot: Shot) -> None:
    page = open_page("eve")
    model = page.locator("textarea[name=model]")
    model.fill("def get_student_model():\n    return 1\n")
    submit(page)
    expect(page.locator(".total")).to_contain_text("Graded", timeout=GRADED)
    page.goto("/")
    model.fill("def get_student_model():\n    return 2\n")
    page.locator("input[name='answer-2.2'][value=softer]").check()
    submit(page)
    expect(page.locator(".total .points")).to_have_text("0.5 / 4", timeout=GRADED)
    page.goto("/")
    page.get_by_role("button", name="Compare A with B").click()
    expect(page.locator("h2").first).to_have_text("Attempts 1 and 2")
    expect(page.locator("tbody tr", has_text="2.2").first).to_contain_text("+0.5")
    expect(page.locator(".diff .removed").first).to_have_text(re.compile("-    return 1"))
    assert violations(page) == []
    shot(page, "compare")


def test_without_scripts_the_form_is_checked_on_a_page_of_its_own(open_page: OpenPage) -> None:
    page = open_page("dan", java_script_enabled=False)
    page.locator("textarea[name=summary]").fill("Total params: 87,907")
    page.get_by_role("button", name="Check first").click()
    expect(page.locator("#mark-1\\.2")).to_contain_text("87,907")
    expect(page.locator("#mark-1\\.2")).to_contain_text("the homework's own example")
    expect(page.locator("textarea[name=summary]")).to_have_value("Total params: 87,907")


@pytest.mark.thorough
def test_outputs_of_a_notebook_are_used_only_if_they_are_chosen(
    open_page: OpenPage, shot: Shot, tmp_path: Path
) -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": (EXAMPLE / "summary.txt").read_text()}
    plot = base64.b64encode((EXAMPLE / "pruning.png").read_bytes()).decode()
    drawn = {"output_type": "display_data", "metadata": {}, "data": {"image/png": plot}}
    cells = [((EXAMPLE / "model.py").read_text(), []), ("summary(model)", [printed]), ("plot(prune_ratios)", [drawn])]
    notebook = {
        "cells": [{"cell_type": "code", "source": text, "metadata": {}, "outputs": shown} for text, shown in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    file = tmp_path / "hw13.ipynb"
    file.write_text(json.dumps(notebook))
    page = open_page("ivy")
    page.locator("#several").set_input_files(file)
    found = page.locator("#submission-form")
    expect(found).to_contain_text("Not answered yet: 1.2, 2.1, 2.2, 3.1, 3.2")
    summary, picture = found.get_by_label("Use the output of cell 2"), found.get_by_label("Use the output of cell 3")
    expect(summary).not_to_be_checked()
    expect(page.locator("#source-pruning_plot img")).to_be_visible()
    assert violations(page) == []
    summary.check()
    expect(found).to_contain_text("96,587")
    picture.check()
    expect(found).to_contain_text("Not answered yet: 2.1, 2.2, 3.2")
    expect(summary).to_be_checked()
    assert violations(page) == []
    shot(page, "preview-outputs")
    submit(page)
    expect(page.locator("main")).to_contain_text("hw13.ipynb, cell 2, output 1.txt")
    expect(page.locator("main")).to_contain_text("hw13.ipynb, cell 3, output 1.png")
