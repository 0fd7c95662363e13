"""The form of an assignment without any name of hw13, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.settings import Settings
from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Service
from tests.browser.steps import GRADED, Shot, submit
from tests.integration.other_parts import NETWORK, OBJECTIVE, PARAMETERS, SLUG, SUBMISSION, publish, write_submission

pytestmark = pytest.mark.browser


def test_the_form_is_made_from_the_parts(open_page: OpenPage, shot: Shot, service: Service, tmp_path: Path) -> None:
    publish(Settings(data_dir=Path(service.environment["ASSAY_DATA_DIR"])), tmp_path)
    page = open_page("dan", at=f"/?assignment={SLUG}")
    form = page.locator("#submission-form")
    assert form.locator("h3, legend").all_inner_texts() == [
        "1 A small network",
        "Your network",
        "2 Its report",
        "Printed report",
        "3 The objective",
        "Your objective",
        "4 What a mask does",
        "Your choice",
        "5 The figure",
        "Figure",
        "Series of the figure",
        "Before you submit",
    ]
    expect(form).to_contain_text("At most 1,500 parameters in build_network. <b>No tags</b>")
    expect(form.locator("#hint-network")).to_have_text("It defines build_network. At most 8 MB.")
    assert violations(page) == []

    folder = write_submission(tmp_path)
    files = [folder / name for name in SUBMISSION if name != "choices.json"]
    page.locator("#several").set_input_files(files)
    found = form
    for words in ("build_network is defined", "objective is defined", f"{PARAMETERS}", "× ", "Not answered yet: 4"):
        expect(found).to_contain_text(words)
    page.locator("input[name='answer-4'][value=zeros]").check()
    expect(found).to_contain_text("It sets weights to zero.")
    shot(page, "other-parts")
    submit(page)
    expect(page.locator(".total .points")).to_have_text("6 / 6", timeout=GRADED)
    expect(page.locator("main")).to_contain_text("Printed report")


def test_one_notebook_may_hold_the_functions_of_several_questions(
    open_page: OpenPage, service: Service, tmp_path: Path
) -> None:
    publish(Settings(data_dir=Path(service.environment["ASSAY_DATA_DIR"])), tmp_path)
    cells = [{"cell_type": "code", "source": text} for text in (NETWORK, OBJECTIVE)]
    notebook = tmp_path / "homework.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    page = open_page("eve", at=f"/?assignment={SLUG}")
    page.locator("#several").set_input_files(notebook)
    expect(page.locator("#mark-3")).to_contain_text("objective is defined. (in: Your network)")
    expect(page.locator("#overview")).to_contain_text("Not answered yet: 2, 4, 5")
