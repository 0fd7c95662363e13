"""The table of all benchmarks, and slices of those that need no quiet machine: the numbers mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load import bench, class_speed, deadline, growth, processes

ROW = {"figure": "a sweep", "ratio": 2.0, "anchor": "eager", "aim": 5.0}


@pytest.mark.parametrize(
    ("now", "released", "text"),
    [(1.2, 1.0, ""), (1.3, 1.0, "+30%"), (0.5, 1.0, "-50%"), (0.1, 0.0, "was 0"), (0.0, 0.0, ""), (1.0, None, "new")],
)
def test_only_changes_beyond_the_noise_are_marked(now: float, released: float | None, text: str) -> None:
    assert bench.change(now, released) == text


def test_the_table_shows_the_released_figure_beside_todays() -> None:
    heading, line = bench.table([ROW], {"a sweep x eager": 4.0}).splitlines()
    assert heading.split() == ["figure", "now", "released", "moved", "anchor", "aim"]
    assert line.split() == ["a", "sweep", "2", "4", "-50%", "eager", "5"]


def test_figures_of_suites_that_did_not_run_stay_stored(tmp_path: Path) -> None:
    path = tmp_path / "released.json"
    path.write_text(json.dumps({"a page x the small class": 1.5, "a sweep x eager": 4.0}))
    bench.store([ROW], path)
    assert json.loads(path.read_text()) == {"a page x the small class": 1.5, "a sweep x eager": 2.0}


def test_chosen_suites_run_and_leave_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SUITES", {"sweep": lambda: [ROW], "pages": lambda: [dict(ROW, figure="a page")]})
    bench.main(["--only", "swe", "--json", str(tmp_path / "bench.json")])
    assert json.loads((tmp_path / "bench.json").read_text()) == [ROW]
    assert "a page" not in capsys.readouterr().out


def test_released_figures_are_numbers_by_name_and_anchor() -> None:
    released = json.loads(bench.RELEASED.read_text(encoding="utf-8"))
    assert released
    assert all(" x " in name and isinstance(ratio, int | float) for name, ratio in released.items())


def test_an_attempt_overtakes_only_within_its_course() -> None:
    def report(assignment: str, attempt: int, second: int, queued: float) -> dict[str, object]:
        moment = f"2026-12-01T10:00:{second:02}+00:00"
        return {"assignment": assignment, "attempt": attempt, "submitted_at": moment, "timings": {"queued": queued}}

    first, second = report("hw13", 1, 0, 30), report("hw13", 2, 5, 1)
    assert deadline.overtaken([first, second]) == 1
    assert deadline.overtaken([first, report("hw14", 2, 5, 1)]) == 1, "of the same course"
    assert deadline.overtaken([first, report("small.hw13", 2, 5, 1)]) == 0
    assert deadline.overtaken([first, report("hw13", 2, 5, 40)]) == 0


def test_growth_measures_every_figure_on_a_small_class() -> None:
    rows = growth.measure(["sqlite"], [25, 50])
    assert len(rows) == 7
    assert all("50 submissions" in str(row["figure"]) and row["anchor"] == "the same with 25" for row in rows)
    assert all(isinstance(row["ratio"], float) and row["ratio"] > 0 for row in rows)


def test_a_statement_that_reads_a_whole_class_is_explained() -> None:
    with growth.stored("sqlite", 50) as course:
        plans = course.plans()
    assert any("SCAN users" in plan for plan in plans)
    # No statement of a student scans a table of submissions.
    assert not [plan for plan in plans if "SCAN submissions" in plan or "SCAN runs" in plan or "SCAN scores" in plan]


def test_submissions_of_a_class_differ_and_some_have_mistakes() -> None:
    class_ = [class_speed.submission_of(number) for number in range(30)]
    assert len({parts["model"] for parts in class_}) == len({parts["loss"] for parts in class_}) == 30
    assert class_[4]["loss"].count("F.log_softmax") == 1
    for parts in class_:
        compile(parts["model"] + parts["loss"], "submission.py", "exec")


def test_memory_and_processor_time_of_a_process_and_its_child() -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input(b\"x\" * 2**25 and 1)'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        with processes.memory_peaks(process.pid, 0.01) as peaks:
            while len(peaks.by_process) < 2:
                assert process.poll() is None
        assert len(processes.tree(process.pid)) == 2
        while processes.cpu_seconds(process.pid) == 0:  # the kernel counts in hundredths
            assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
    assert peaks.together.pss >= max(memory.pss for memory in peaks.by_process.values())
    assert processes.memory(process.pid) == processes.Memory()
