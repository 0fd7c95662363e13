"""Bombs at intake, sent over HTTP to a service with a worker: archives, notebooks, sources, pictures, tables, weights.

Each ends with a message for the student within seconds, delays no other student, and leaves no trace in the log.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import bundled
from grader.parts import PartDefinition
from grader.sandbox.supervisor import Sandbox
from tests import slices
from tests.integration.service import MODEL, ServiceInProcess, Site, assert_problem, questions

ZEROS = b"\0" * 10_000_000


class Unpickled:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this ran",))


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return archive.getvalue()


def cell(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **more}


def notebook(*cells: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, extra: bytes = b"", pixels: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(pixels or b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body + chunk(b"IEND", b"")


def safetensors(header: bytes, claimed: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if claimed is None else claimed) + header


NESTED = zipped({f"{number}.zip": zipped({"zeros": ZEROS}) for number in range(20)})
HONEST = MODEL.encode()
PLOT = (Path(__file__).parents[2] / "examples" / "hw13" / "pruning.png").read_bytes()
# Part, bytes, question, verdict, and a message that must be among those told.
UPLOADS: dict[str, tuple[str, bytes, str, str, str]] = {
    "archive of archives": ("model", NESTED, "1.1", "none", "code.not_text"),
    "archive that is called .py": ("loss", zipped({"loss.py": b"x"}), "2.1", "none", "code.not_text"),
    "deflate bomb": ("model", gzip.compress(ZEROS), "1.1", "none", "code.not_text"),
    "pickle as source": ("model", pickle.dumps(Unpickled()), "1.1", "none", "code.not_text"),
    "notebook 400,000 lists deep": ("model", b'{"cells":' + b"[" * 400_000, "1.1", "none", "code.notebook_unreadable"),
    "notebook with a number of a megabyte": (
        "model",
        b'{"cells":[],"x":' + b"9" * 1_000_000 + b"}",
        "1.1",
        "none",
        "code.notebook_unreadable",
    ),
    "notebook of a million pieces": (
        "model",
        notebook(cell(["\n"] * 1_000_000 + [MODEL])),
        "1.1",
        "none",
        "code.too_large",
    ),
    "notebook of a hundred thousand cells": (
        "model",
        notebook(*[{"cell_type": "code", "source": ""}] * 100_000, cell(MODEL)),
        "1.1",
        "none",
        "code.too_large",
    ),
    "notebook with pictures of six megabytes": (
        "model",
        notebook(cell(MODEL, outputs=[{"data": {"image/png": "A" * 6_000_000}}])),
        "1.1",
        "full",
        "model.ok",
    ),
    "source of seven megabytes": ("model", b"x = 1\n" * 1_200_000, "1.1", "none", "code.too_large"),
    "a hundred thousand brackets": ("model", b"x=" + b"(" * 100_000, "1.1", "none", "code.too_large"),
    "five thousand lambdas": ("loss", b"x=" + b"lambda:" * 5_000 + b"1", "2.1", "none", "code.too_deep"),
    "a power tower": ("model", b"x = 9**9**9**9\n" + HONEST, "1.1", "full", "intake.dropped"),
    "a constant of a gigabyte": ("model", b"x = 'a' * 10**9\n" + HONEST, "1.1", "full", "intake.dropped"),
    "a cookie of another encoding": ("model", b"# coding: rot13\n" + HONEST, "1.1", "full", "model.ok"),
    "a summary of digits": ("summary", b"Total params: " + b"1," * 300_000, "1.2", "none", "summary.no_total"),
    "a summary of thirty thousand rows": (
        "summary",
        b"Conv2d-1 [-1, 8, 55, 55] 224\n" * 30_000,
        "1.2",
        "none",
        "summary.no_total",
    ),
    "an archive as summary": ("summary", NESTED, "1.2", "none", "summary.unreadable"),
    "a picture of 2.5 gigapixels": (
        "pruning_plot",
        png(50_000, 50_000),
        "3.1",
        "none",
        "pruning.picture.too_many_pixels",
    ),
    "a picture with a text bomb": (
        "pruning_plot",
        png(64, 64, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000, 1))),
        "3.1",
        "none",
        "pruning.picture.broken",
    ),
    "a picture with a profile bomb": (
        "pruning_plot",
        png(64, 64, chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 50_000_000, 1))),
        "3.1",
        "none",
        "pruning.picture.broken",
    ),
    "a picture of half a million chunks": (
        "pruning_plot",
        png(64, 64, chunk(b"prVt", b"") * 500_000),
        "3.1",
        "none",
        "pruning.picture.too_costly",
    ),
    "a page as picture": (
        "pruning_plot",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "3.1",
        "none",
        "pruning.picture.wrong_format",
    ),
}
POINTS = {
    "a hundred thousand rows": (b"ratio,accuracy\n" + b"0.1,0.5\n" * 100_000, "pruning.points.too_many"),
    "numbers that are none": (b"ratio,accuracy\n0,nan\n0.5,inf\n", "pruning.points.unreadable"),
    "a formula": (b"ratio,accuracy\n=1+1,0.5\n", "pruning.points.unreadable"),
    "an archive": (NESTED, "pruning.points.unreadable"),
}
WEIGHTS = {
    "a pickle that runs code": pickle.dumps(Unpickled()),
    "a header of eight exabytes": safetensors(b"{}", 1 << 63),
    "a header of a hundred megabytes": safetensors(b"{}", 99_000_000),
    "an archive of archives": NESTED,
    "a tensor of nothing times a terabyte": safetensors(
        b'{"head.weight":{"dtype":"F32","shape":[0,1099511627776],"data_offsets":[0,0]}}'
    ),
}


@pytest.fixture(scope="module")
def served(make_settings: Any, sandbox: Sandbox) -> Iterator[Site]:
    """A service that grades. One database is enough: uploads are refused before they get there."""
    service = ServiceInProcess(make_settings("sqlite"), sandbox)
    yield service
    service.close()


def graded(served: Site, **uploaded: Any) -> dict[str, dict[str, Any]]:
    """The questions of another student's submission."""
    student = served.person()
    report = student.report(student.submit(**uploaded), wait=60)
    assert report["state"] == "graded", report
    assert "Traceback" not in served.log.read_text()
    return questions(report)


def ids(question: dict[str, Any]) -> list[str]:
    return [message["id"] for message in question["messages"]]


@pytest.mark.parametrize("name", slices.every(2, UPLOADS))
def test_an_upload_ends_with_a_message(served: Site, name: str) -> None:
    part, data, number, verdict, message = UPLOADS[name]
    answer = graded(served, **{part: ("upload", data)})[number]
    assert answer["verdict"] == verdict, answer
    assert message in ids(answer)
    assert answer["fault"] in (None, "student")


@pytest.mark.parametrize("name", slices.every(2, POINTS))
def test_points_are_remarked_on_and_the_picture_counts(served: Site, name: str) -> None:
    data, message = POINTS[name]
    answer = graded(served, pruning_points=("points.csv", data), pruning_plot=("plot.png", PLOT))["3.1"]
    assert (answer["verdict"], answer["score"]) == ("needs_review", 1.0)
    assert message in ids(answer)


@pytest.mark.parametrize("name", slices.every(4, WEIGHTS))
def test_weights_are_refused_and_the_model_counts(served: Site, name: str) -> None:
    answer = graded(
        served, model=("model.py", HONEST), weights=("weights", WEIGHTS[name]), pruning_plot=("plot.png", PLOT)
    )
    assert answer["1.1"]["verdict"] == "full"
    assert answer["3.1"]["score"] == 1.0
    assert any(message_id.startswith("weights.") for message_id in ids(answer["3.1"])), ids(answer["3.1"])
    assert "this ran" not in served.log.read_text()


@pytest.mark.parametrize(
    "part", [part for part in bundled("hw13").parts if part.name != "answers"], ids=lambda part: str(part.name)
)
def test_more_than_a_part_may_hold_is_413_and_the_next_is_graded(served: Site, part: PartDefinition) -> None:
    student = served.person()
    answer = student.post_submission(key=None, **{part.name: ("upload", b"x" * (part.limit + 1))})
    assert_problem(answer, 413, "part-too-large")
    assert f"{part.limit:,}" in answer.json()["detail"]
    assert questions(student.report(student.submit(answers='{"2.2": "softer"}'), wait=60))["2.2"]["verdict"] == "full"
