"""Every export of a small class, byte for byte, and Gradescope's file against what Gradescope documents."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from app.db.engine import Database
from app.exports import feedback, json_lines
from tests.unit.exports.golden_class import GOLDEN, SLUG, exports, open_class

SCHEMA = json.loads((Path(__file__).parent / "gradescope_results.schema.json").read_text())


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """The class."""
    with open_class() as opened:
        yield opened


@pytest.fixture(scope="module")
def files(database: Database) -> dict[str, bytes]:
    """Its exports."""
    return exports(database)


def test_there_is_a_golden_file_for_each_export(files: dict[str, bytes]) -> None:
    assert set(files) == {file.name for file in GOLDEN.iterdir()}


@pytest.mark.parametrize("name", sorted(file.name for file in GOLDEN.iterdir()))
def test_an_export_is_what_it_was(files: dict[str, bytes], name: str) -> None:
    assert files[name].decode() == (GOLDEN / name).read_bytes().decode()


def test_the_results_are_what_gradescope_documents(files: dict[str, bytes]) -> None:
    results = json.loads(files["results.json"])
    jsonschema_rs.Draft202012Validator(SCHEMA).validate(results)
    assert "execution_time" not in results, "null is no number of seconds"
    for broken in ({"score": "2"}, {"visibility": "shown"}, {"surprise": 1}, {"execution_time": None}):
        assert not jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(results | broken), broken


def test_the_archive_is_the_same_whenever_it_is_made(database: Database) -> None:
    first, again = (feedback.archive(database, SLUG, "en") for _ in range(2))
    assert first == again
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["ann.html", "bob.html"]


def test_what_a_student_wrote_is_text_on_the_page(files: dict[str, bytes]) -> None:
    page = files["feedback-bob.html"].decode()
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "&lt;said aloud&gt;" in page
    assert "<b>" not in page
    assert "src=" not in page


def test_each_line_is_an_object_and_one_attempt_of_a_student_counts(database: Database) -> None:
    lines = [json.loads(line) for line in json_lines.lines(database, SLUG, "en")]
    assert [line["kind"] for line in lines] == ["assignment", *["student"] * 3, *["submission"] * 3]
    counting = [line["id"] for line in lines if line["kind"] == "submission" and line["counts_for_student"]]
    assert counting == [line["submission"] for line in lines if line["kind"] == "student" and line["submission"]]
