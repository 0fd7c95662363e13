"""Uploads are read in children with limits: the worst ones end within them, and what exceeds them is told as such."""

from __future__ import annotations

import json
import os
import signal
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.pages import preview
from grader import intake, messages, pipeline, scoring
from grader.assignment import Assignment, bundled
from grader.checks import registry
from grader.evidence import Evidence, Fault, Note, Outcome, Overrun
from grader.intake import EntryKind
from grader.parts import PartKind
from grader.reading import reader
from grader.reading.reader import CodeReading, EntryPoint, Reader, ReadingFailed
from grader.sandbox.child import LockedChild
from grader.submission import Part, SubmittedParts
from grader.verdicts import Verdict, message_of
from tests.load import parser_growth
from tests.unit.scripted_sandbox import SUBMISSION, ScriptedSandbox
from tests.unit.test_early_ends import Recording

HW13 = bundled("hw13")
EXAMPLE = Path(__file__).parents[2] / "examples/hw13"
pytestmark = pytest.mark.timeout(240)


def worst(name: str) -> bytes:
    """The worst input of this name at its full size."""
    row = parser_growth.READERS[name]
    made = row.make(row.size)
    return made if isinstance(made, bytes) else made.encode()


SLOW_CODE = worst("code: long unreadable cells")
"""A tenth of a megabyte within all limits of intake, which takes seconds to read."""


class Watched:
    """A reader that keeps the children's use of processor time."""

    def __init__(self) -> None:
        self.cpu_seconds: list[float] = []
        self.reader = Reader(self._open)

    @contextmanager
    def _open(self) -> Iterator[LockedChild]:
        with reader.open_child() as child:
            yield child
            self.cpu_seconds.append(child.cpu_seconds())


def _code(data: bytes, read: Reader) -> Overrun | None:
    return _read(data, read).result.overrun


def _read(data: bytes, read: Reader) -> CodeReading:
    entry = EntryPoint(("model",), (), "get_student_model", EntryKind.NETWORK)
    (reading,) = read.read_code({"model": Part(data)}, [entry], frozenset(), "apply")
    return reading


def _check(number: str, kind: PartKind) -> Callable[[bytes, Reader], Overrun | None]:
    def read(data: bytes, reader: Reader) -> Overrun | None:
        question = HW13.question(number)
        reading = reader.read(registry.of(question), question, {kind: Part(data)})
        assert reading is not None
        evidence: Evidence = reading.evidence
        return evidence.overrun

    return read


_picture, _table = _check("3.1", PartKind.PICTURE), _check("3.1", PartKind.TABLE)
_answers, _text = _check("2.2", PartKind.ANSWERS), _check("1.2", PartKind.TEXT)


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def bomb() -> bytes:
    """A PNG of 16 million pixels whose text unpacks to a gigabyte."""
    head = struct.pack(">IIBBBBB", 4_000, 4_000, 16, 6, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x55" * (4_000 * 8)) * 4_000, 1)
    deflated = zlib.compressobj(9)
    text = b"".join(deflated.compress(bytes(1 << 20)) for _ in range(1_000)) + deflated.flush()
    return _png((b"IHDR", head), (b"zTXt", b"Comment\0\0" + text), (b"IDAT", rows), (b"IEND", b""))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


WORST: dict[str, tuple[Callable[[bytes, Reader], Overrun | None], bytes | Callable[[], bytes]]] = {
    "a picture of many pixels with a text of a gigabyte": (_picture, bomb),
    "a notebook whose JSON is nested a million times": (_code, ('{"cells":' + nested(1_000_000) + "}").encode()),
    "a notebook of ten thousand levels in a cell": (
        _code,
        json.dumps({"cells": [{"cell_type": "code", "source": nested(10_000), "metadata": {}}]}).encode(),
    ),
    "source of brackets in brackets": (_code, ("x = " + "(" * 20_000 + ")" * 20_000 + "\n").encode()),
    "source of operators without an end": (_code, ("x = " + "-" * 45_000 + "1\n").encode()),
    "a table of quotes and separators": (_table, b'ratio,accuracy\n"' + b'"";,\t' * 200_000),
    "a table of half a million rows": (_table, b"0.1,0.5\n" * 130_000),
    "answers nested as deeply as fits": (_answers, ('{"2.2": ' + nested(32_000) + "}").encode()),
    "a summary of a million marks": (_text, ("Total params: 1\n" + "a" + "\u0301\u0323" * 240_000).encode()),
}


@pytest.mark.parametrize(("read", "data"), WORST.values(), ids=WORST)
def test_worst_upload_is_read_or_refused_within_the_limits(
    read: Callable[[bytes, Reader], Overrun | None], data: bytes | Callable[[], bytes]
) -> None:
    watched = Watched()
    assert read(data if isinstance(data, bytes) else data(), watched.reader) is None
    assert max(watched.cpu_seconds) < reader.limits().cpu_seconds / 2


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = reader.limits().override({"cpu_seconds": 1})
    monkeypatch.setattr(reader, "limits", lambda: limited)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = reader.limits().override({"memory_mb": 64, "reserved_mb": 64})
    monkeypatch.setattr(reader, "limits", lambda: limited)


@pytest.mark.usefixtures("one_second")
def test_slow_code_is_the_students_fault_and_other_questions_are_graded() -> None:
    loss = Part((EXAMPLE / "loss.py").read_bytes())
    submission = SubmittedParts({**SUBMISSION.parts, "model": Part(SLOW_CODE), "loss": loss})
    observer = Recording()
    grading = pipeline.run_first_stage(HW13, submission, ScriptedSandbox(), observer)
    code = grading.evidence["1.1"]
    assert code.overrun is not None
    assert (code.overrun.outcome, code.is_reproducible) == (Outcome.TIMEOUT, False)
    scores = {number: scoring.score(HW13, number, evidence) for number, evidence in grading.evidence.items()}
    assert (scores["1.1"].verdict, scores["1.1"].fault, scores["1.1"].score) == (Verdict.NONE, Fault.STUDENT, 0)
    assert messages.render(scores["1.1"].messages[0], "en").startswith("This could not be read within 1 s, so")
    # The scripted sandbox fails for the loss, which was read.
    assert grading.evidence["2.1"].overrun is None
    assert (scores["2.2"].verdict, scores["3.2"].verdict) == (Verdict.FULL, Verdict.FULL)
    assert scores["3.1"].score == 1.0
    assert {number for number, _ in observer.events} == {question.number for question in HW13.questions}


@pytest.mark.usefixtures("one_second")
def test_preview_tells_what_takes_too_long_and_shows_the_rest() -> None:
    loss = Part((EXAMPLE / "loss.py").read_bytes())
    form = preview.read_parts(HW13, {**SUBMISSION.parts, "model": Part(SLOW_CODE), "loss": loss}, "suggest", "en")
    model, kd = form.codes
    assert not model.has_entry
    assert kd.has_entry
    assert model.remarks == (messages.render(_fact(1), "en"),)
    assert [item.question.number for item in form.questions] == ["1.2", "2.2", "3.1", "3.2"]
    assert all(item.evidence.overrun is None for item in form.questions)


def _fact(allowed: float) -> Note:
    return Note(id="reading.timeout", params={"allowed": allowed})


@pytest.mark.usefixtures("little_memory")
def test_large_picture_beyond_the_memory_is_told_so_and_the_rest_is_shown() -> None:
    parts = {**SUBMISSION.parts, "pruning_plot": Part(worst("picture: RGBA of 16 bits"))}
    form = preview.read_parts(HW13, parts, "suggest", "zh-Hant")
    picture = next(item for item in form.questions if item.question.number == "3.1")
    assert picture.evidence.overrun is not None
    assert picture.evidence.overrun.outcome is Outcome.MEMORY
    (remark,) = picture.remarks
    assert remark == messages.render(message_of(picture.evidence.overrun.observation), "zh-Hant")
    assert "64 MB" in remark
    assert [item.evidence.overrun for item in form.questions].count(None) == 3
    score = scoring.score(HW13, "3.1", picture.evidence)
    assert (score.verdict, score.fault) == (Verdict.NONE, Fault.STUDENT)


def test_later_parts_of_a_form_have_a_second_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "WALL_SECONDS", 0.0)
    monkeypatch.setattr(preview, "_LEAST_SECONDS", 0.01)
    form = preview.read_parts(HW13, {"model": Part(SLOW_CODE)}, "suggest", "en")
    overrun = form.codes[0].result.overrun
    assert overrun is not None
    assert overrun.limit is not None
    assert overrun.limit.limit == "wall time"


def test_reader_that_is_killed_is_no_fault_of_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def killed() -> Iterator[LockedChild]:
        with reader.open_child() as child:
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            yield child

    overrun = _code(b"x = 1\n", Reader(killed))
    assert overrun == Overrun(outcome=Outcome.DIED, signal=signal.SIGKILL)
    evidence = registry.CHECKS["summary"].evidence_type(overrun=overrun)
    assert evidence.was_killed, "it is repeated first, because the system may have sent the signal"


def test_reading_goes_on_after_the_fork_server_died() -> None:
    pid = reader.sandbox().server_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert _code(b"x = 1\n", Reader(reader.open_child)) is None
    assert reader.sandbox().server_pid != pid


def test_an_error_of_a_parser_is_the_graders_fault(hw13: Assignment) -> None:
    question = hw13.question("1.2").model_copy(update={"check": "unknown"})
    with pytest.raises(ReadingFailed, match="there is no check 'unknown'"):
        Reader(reader.open_child).read(registry.CHECKS["summary"], question, {PartKind.TEXT: Part(b"Total params: 1")})


def test_child_reads_what_this_process_reads() -> None:
    for name in ("code: lost underscores", "notebook: escapes"):
        data = worst(name)[:20_000]
        expected = intake.read_part(Part(data), "get_student_model", frozenset(), "apply", EntryKind.NETWORK)
        assert _read(data, Reader(reader.open_child)).result == expected


def test_children_that_read_are_locked_like_those_of_students() -> None:
    with reader.open_child() as child:
        assert set(child.layers.values()) == {"ok"}
        assert child.limits.memory_mb < 1_024
