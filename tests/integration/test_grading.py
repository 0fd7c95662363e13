"""From a hand-in to its report, over HTTP, with the real sandbox."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from tests.integration.service import MODEL, Client, Site, assert_problem, example, questions

SLEEPY = MODEL.replace("    return StudentNet()", "    import time\n    time.sleep({seconds})\n    return StudentNet()")


def events(client: Client, submission: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a submission's stream until it ends."""
    with client.http.stream("GET", f"/submissions/{submission}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


@pytest.mark.thorough
def test_the_example_earns_what_a_person_gave(service: Site) -> None:
    student = service.person()
    submission = student.submit(
        model=("model.py", example("model.py")),
        loss=("loss.py", example("loss.py")),
        summary=("summary.txt", example("summary.txt")),
        answers=("answers.json", example("answers.json")),
        pruning_plot=("pruning.png", example("pruning.png")),
    )
    report = student.wait_for_state(submission, "graded", seconds=240)
    graded = questions(report)
    assert {number: question["score"] for number, question in graded.items()} == {
        "1.1": 0.5,
        "1.2": 0.5,
        "2.1": 0.25,
        "2.2": 0.5,
        "3.1": 1.0,
        "3.2": 1.0,
    }
    assert (report["score"], report["max_score"], report["needs_review"]) == (3.75, 4.0, True)
    assert graded["1.1"]["evidence"]["parameters"] == 96_587
    assert graded["2.1"]["messages"][0]["id"] == "kd.soft_term.probabilities_not_log"
    assert graded["3.1"]["verdict"] == "needs_review"
    evidence = graded["3.1"]["evidence"]
    assert (evidence["weights"], evidence["curve_fault"]) == ("distilled", None)
    assert [point["ratio"] for point in evidence["curve"]] == [step / 20 for step in range(20)]
    assert evidence["curve"][0]["accuracy"] > 2 / 11 > evidence["curve"][-1]["accuracy"]
    assert evidence["own_loss"]["accuracy"] is not None
    assert report["sandbox"]["floor"] == "met"
    assert report["fault"] is None
    timings = report["timings"]
    assert list(timings["questions"]) == list(graded), "the order of the assignment on every database"
    assert 0 <= timings["queued"] < timings["questions"]["2.1"] <= timings["total"]

    picture = student.http.get(f"/submissions/{submission}/picture")
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == Image.open(io.BytesIO(example("pruning.png"))).size
    assert picture.content != example("pruning.png")

    results = student.get(f"/submissions/{submission}/results.json").json()
    assert results["score"] == 3.75
    assert [test["score"] for test in results["tests"]] == [0.5, 0.5, 0.25, 0.5, 1.0, 1.0]
    assert [test["status"] for test in results["tests"]][2] == "failed"


@pytest.mark.quick
def test_results_arrive_as_events_and_the_last_is_the_report(service: Site) -> None:
    student = service.person()
    submission = student.submit(model=MODEL + "# events\n", answers='{"2.2": "softer", "3.2": "yes"}')
    seen = list(events(student, submission))
    names = [name for name, _ in seen]
    assert names[-1] == "done"
    assert set(names) >= {"question", "done"}
    landed = {data["number"]: data for name, data in seen if name == "question"}
    assert seen[-1][1] == student.report(submission)
    assert landed == questions(seen[-1][1])
    # Whoever comes late gets everything at once.
    assert [name for name, _ in events(student, submission)] == ["question"] * 6 + ["done"]


def test_progress_is_told_while_the_student_waits(service: Site) -> None:
    student = service.person()
    submission = student.submit(model=SLEEPY.format(seconds=1) + "# progress\n")
    stages = [data["stage"] for name, data in events(student, submission) if name == "progress"]
    assert stages


def test_waiting_ends_with_the_grading_or_the_time(service: Site) -> None:
    student = service.person()
    submission = student.submit(model=SLEEPY.format(seconds=3) + "# waiting\n")
    start = time.monotonic()
    assert student.report(submission, wait=0.5)["state"] in ("queued", "running")
    assert 0.4 < time.monotonic() - start < 2
    assert student.report(submission, wait=30)["state"] == "graded"


def test_many_who_wait_keep_nobody_else_waiting(service: Site) -> None:
    student = service.person()
    submission = student.submit(model=SLEEPY.format(seconds=6) + "# crowd\n")
    waiting = service.client(service.admin.token)  # a student may follow 20 gradings at once
    with ThreadPoolExecutor(80) as threads:
        crowd = [threads.submit(waiting.report, submission, 20) for _ in range(80)]
        time.sleep(0.5)
        start = time.monotonic()
        assert service.plain.get("/readyz").status_code == 200
        assert student.report(submission)["state"] in ("queued", "running")
        assert time.monotonic() - start < 2
        assert {report.result()["state"] for report in crowd} == {"graded"}


def test_the_same_content_is_not_measured_twice(service: Site) -> None:
    first, second = service.person(), service.person()
    model = SLEEPY.format(seconds=2) + "# twice\n"
    before = questions(first.report(first.submit(model=model), wait=30))
    start = time.monotonic()
    again = second.report(second.submit(model=model), wait=30)
    assert time.monotonic() - start < 1.5
    assert again["state"] == "graded"
    assert questions(again)["1.1"] == before["1.1"]


def test_cancelling_stops_the_students_code(service: Site) -> None:
    student = service.person()
    submission = student.submit(model=SLEEPY.format(seconds=60) + "# cancel\n", answers='{"2.2": "softer"}')
    student.wait_for_state(submission, "running")
    start = time.monotonic()
    assert student.post(f"/submissions/{submission}/cancel").status_code == 200
    report = student.report(submission, wait=20)
    assert report["state"] == "cancelled"
    assert time.monotonic() - start < 3
    assert questions(report)["1.1"]["verdict"] == "pending"
    assert_problem(service.admin.post("/submissions/00000000-0000-0000-0000-000000000000/cancel"), 404)
    # The slot is free again.
    assert student.report(student.submit(model=MODEL + "# after\n"), wait=30)["state"] == "graded"


def test_a_graded_submission_cannot_be_cancelled(service: Site) -> None:
    student = service.person()
    submission = student.submit(answers='{"2.2": "softer"}')
    student.report(submission, wait=30)
    assert_problem(student.post(f"/submissions/{submission}/cancel"), 409, "already-ended")


@pytest.mark.parametrize(
    ("source", "verdict", "fault"),
    [
        ("def get_student_model(:\n", "none", "student"),
        ("def get_student_model():\n    raise RuntimeError('\\ud800 \\0 \\u4e2d')\n", "none", "student"),
        ("x = 1\n", "none", "student"),
    ],
)
def test_broken_code_is_a_verdict_not_an_error(service: Site, source: str, verdict: str, fault: str) -> None:
    student = service.person()
    report = student.report(student.submit(model=source), wait=30)
    assert report["state"] == "graded"
    question = questions(report)["1.1"]
    assert (question["verdict"], question["fault"]) == (verdict, fault)
    assert question["messages"]


def test_an_override_stands_over_the_computed_points_until_it_goes(service: Site) -> None:
    student, ta = service.person(), service.person("ta")
    submission = student.submit(answers='{"2.2": "harder"}', model=MODEL + "# override\n")
    assert questions(student.report(submission, wait=30))["2.2"]["score"] == 0
    path = f"/submissions/{submission}/questions/2.2/override"
    answer = ta.http.put(path, json={"score": 0.25, "reason": " half right "})
    assert answer.status_code == 200
    shown = questions(student.report(submission))["2.2"]
    assert answer.json() == shown
    assert (shown["score"], shown["verdict"]) == (0.25, "partial")
    assert {key: shown["override"][key] for key in ("score", "by", "reason")} == {
        "score": 0.25,
        "by": ta.login,
        "reason": "half right",
    }
    assert ta.http.put(path, json={"score": 0.5, "reason": "fully right"}).status_code == 200
    assert student.report(submission)["score"] == 1.0
    for body in (
        {"score": 0.6, "reason": "too much"},
        {"score": -0.1, "reason": "less"},
        {"score": 0.5, "reason": " "},
    ):
        assert_problem(ta.http.put(path, json=body), 422)
    json_type = {"Content-Type": "application/json"}
    assert_problem(ta.http.put(path, content=b'{"score": NaN, "reason": "x"}', headers=json_type), 422)
    assert_problem(ta.http.put(path.replace("2.2", "9.9"), json={"score": 0, "reason": "x"}), 404, "question-not-found")
    assert ta.http.delete(path).status_code == 204
    assert questions(student.report(submission))["2.2"]["override"] is None
    assert student.report(submission)["score"] == 0.5
    assert_problem(ta.http.delete(path), 404, "override-not-found")


def test_the_class_in_a_table_as_csv_and_in_numbers(service: Site) -> None:
    ta, good, poor, absent = service.person("ta"), service.person(), service.person(), service.person()
    right, wrong = '{"2.2": "softer", "3.2": "no"}', '{"2.2": "harder", "3.2": "yes"}'
    best = good.submit(answers=right)
    good.report(best, wait=30)
    good.report(good.submit(answers=wrong), wait=30)
    poor.report(poor.submit(answers=wrong), wait=30)
    rows = {row["student"]: row for row in ta.get("/scores", params={"assignment": "hw13"}).json()}
    assert (rows[good.login]["submission"], rows[good.login]["score"]) == (best, 1.5)
    assert rows[good.login]["questions"]["2.2"]["verdict"] == "full"
    assert (rows[poor.login]["score"], rows[poor.login]["state"]) == (0.0, "graded")
    assert rows[absent.login]["submission"] is None
    assert ta.login not in rows
    table = ta.get("/scores.csv", params={"assignment": "hw13"})
    assert table.headers["content-type"].startswith("text/csv")
    lines = {line.split(",")[0]: line for line in table.text.splitlines()}
    assert lines["login"].endswith("1.1,1.2,2.1,2.2,3.1,3.2,score,max_score,excused,section,dropped")
    assert lines[good.login].endswith("0.0,0.0,0.0,0.5,0.0,1.0,1.5,4.0,no,,no")
    assert lines[absent.login].endswith(",,,,,,,,4.0,no,,no")
    numbers = ta.get("/scores/statistics", params={"assignment": "hw13"}).json()
    assert numbers["students"] == len(rows)
    assert numbers["graded"] == sum(row["state"] == "graded" for row in rows.values())
    assert numbers["highest"] == max(row["score"] or 0 for row in rows.values())
    assert sum(entry["count"] for entry in numbers["histogram"]) == numbers["graded"]


def test_the_worker_and_its_sandbox_are_listed(service: Site) -> None:
    student = service.person()
    sandbox = student.get("/sandbox").json()
    assert {layer["name"] for layer in sandbox["layers"] if layer["floor"]} >= {"seccomp", "no_new_privs"}
    workers = service.admin.get("/admin/workers").json()["workers"]
    assert [(row["state"], row["slots"]) for row in workers] == [("alive", 2)]
    assert service.plain.get("/readyz").status_code == 200
