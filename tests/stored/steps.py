"""What happens in the stored database, step by step: every state, on purpose."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.stored.commands import Old, collection, due, publish
from tests.stored.inputs import (
    ANSWER_VARIANTS,
    ANSWERS,
    LOSSES,
    MODEL,
    MODELS,
    POINTS,
    PROBABILITIES,
    RIGHT,
    SUMMARIES,
    model_that,
    picture,
    weights,
)
from tests.stored.people import Course


def sleeping(seconds: int) -> str:
    """The model whose entry point sleeps first."""
    return model_that(f"__import__('time').sleep({seconds})")


def in_the_class(old: Old, course: Course) -> None:
    """Many students with one submission each: models, losses, summaries and answers of every kind."""
    models, losses = collection(old, "models"), collection(old, "losses")
    waiting = []
    for number, loss in enumerate(LOSSES):
        parts: dict[str, Any] = {
            "answers": ANSWER_VARIANTS[number % len(ANSWER_VARIANTS)],
            "summary": SUMMARIES[number % len(SUMMARIES)],
        }
        parts |= {"loss": losses[loss]} | ({"model": models[MODELS[number]]} if number < len(MODELS) else {})
        waiting.append(course.submit(course.student(), wait=False, **parts))
    for number, summary in enumerate(SUMMARIES):
        answers = ANSWER_VARIANTS[number % len(ANSWER_VARIANTS)]
        parts = {"model": MODEL, "summary": summary, "loss": PROBABILITIES, "answers": answers}
        waiting.append(course.submit(course.student(), wait=False, **parts))
    for submission in waiting:
        course.end(submission)


def special(old: Old, course: Course) -> None:
    """Ends, parts and people of every kind."""
    everything: dict[str, Any] = {"model": MODEL, "loss": RIGHT, "summary": SUMMARIES[0], "answers": ANSWERS}
    course.submit(course.student(), pruning_plot=("curve.png", b"not a picture"))
    course.submit(course.student(), pruning_plot=picture((9, 9)), answers=ANSWERS)
    course.submit(course.student(), pruning_points=POINTS, answers=ANSWERS)
    course.submit(course.student(), model=MODEL.replace("8", "200000"))
    course.submit(course.student(), model=model_that("open('/etc/passwd').read()"))
    course.submit(course.student(), model=model_that("__import__('os').system('id')"))
    course.submit(course.student(), model=model_that("x = [0] * 10**10"))
    course.submit(course.student(), model=sleeping(300))
    course.submit(course.student(), loss=RIGHT.replace("_", " "), model=MODEL.replace("_", " "))
    course.submit(course.student(), repair="apply", loss=RIGHT.replace("loss_fn_kd", "loss fn kd"))
    course.submit(course.student(), model=MODEL + "def helper(:\n", answers=ANSWERS)
    notebook = {
        "cells": [
            {"cell_type": "code", "source": ["!pip install torchsummary\n"], "outputs": [], "metadata": {}},
            {"cell_type": "code", "source": MODEL.splitlines(keepends=True), "outputs": [], "metadata": {}},
            {"cell_type": "code", "source": RIGHT.splitlines(keepends=True), "outputs": [], "metadata": {}},
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    course.submit(course.student(), model=("hw13.ipynb", json.dumps(notebook).encode()))
    login = course.student("anna")
    course.submit(login, key="first", **everything)
    course.submit(login, key="second", answers='{"2.2": "harder", "3.2": "yes"}')
    course.ask(
        "POST",
        "/submissions",
        202,
        files=[
            ("assignment", (None, "hw13")),
            ("student", (None, login)),
            *((name, (None, part)) for name, part in everything.items()),
        ],
    )
    copied = course.submit(course.student("copy"), **everything)
    overridden = course.submit(course.student("olga"), **everything)
    course.override(overridden, "2.1", 0.25, "copied from copy")
    course.override(overridden, "1.1", 0.0, "a slip of mine")
    course.ask("DELETE", f"/submissions/{overridden}/questions/1.1/override", 204)
    course.override(copied, "3.2", 0.75, "explained in person")
    asking = course.submit(course.student("rita"), **everything | {"loss": PROBABILITIES})
    course.request(asking, "rita", "2.1", None)
    course.request(asking, "rita", "1.2", {"answer": "No."})
    course.request(asking, "rita", "2.2", {"answer": "Yes.", "score": 0.4})
    course.request(asking, "rita", "1.1", None, withdraw=True)
    stopped = course.submit(course.student("carl"), wait=False, model=sleeping(15), answers=ANSWERS)
    course.end(stopped, ("running",))
    course.ask("POST", f"/submissions/{stopped}/cancel")
    course.end(stopped)


def curves(old: Old, course: Course) -> None:
    """Measured curves: distilled, of uploaded weights, beside points, and of a network that cannot be trained."""
    publish(old, "curves", 1, *_SMALL)
    everything: dict[str, Any] = {"slug": "curves", "model": MODEL, "summary": SUMMARIES[0], "pruning_plot": picture()}
    first = course.submit(course.student("kim"), loss=RIGHT, answers=ANSWERS, **everything)
    course.curve(first)
    course.submit("kim", answers='{"2.2": "harder"}', slug="curves")
    points = course.submit(course.student("pia"), loss=PROBABILITIES, pruning_points=POINTS, **everything)
    course.curve(points)
    course.curve(course.submit(course.student("wim"), weights=weights(), pruning_points=POINTS, **everything))
    untrained = {**everything, "model": MODEL.replace("x))", "x)).detach()")}
    course.submit(course.student("uma"), loss=RIGHT, **untrained)
    course.override(points, "3.1", 0.5, "half of the plot is missing")
    publish(old, "curves", 2, *_SMALL, ("batches = [1, 2]", "batches = [1, 3]"), ("1e9", "2e9"))
    course.regrade("curves", "remeasure", "publish", where={"student": "kim"})
    course.regrade("curves", "remeasure", "publish revert", where={"student": "wim"}, questions=["1.1", "2.1", "3.1"])
    time.sleep(15)  # later stages of the last two


_SMALL = (
    ('baselines_data = "food11" ', 'baselines_data = "food11-mini" '),
    ('keep = "best" ', 'keep = "latest" '),
    (
        "provisional_points = 1.0",
        "provisional_points = 0.75\nbaseline_points = { simple = 0.05, medium = 0.1, strong = 0.2, boss = 0.25 }",
    ),
)
"""Changes of the assignment whose curves are measured."""


def deadlines(old: Old, course: Course) -> None:
    """Late submissions, with and without extensions, and what a regrade makes of lateness."""
    now = datetime.now(UTC).replace(microsecond=0)
    rule = "\n[schedule.late]\npercent_per_day = 10\nmost_days = 3\n"
    publish(old, "dated", 1, *due(now + timedelta(days=1)))
    parts: dict[str, Any] = {"slug": "dated", "model": MODEL, "loss": RIGHT, "answers": ANSWERS}
    for login in ("early", "eager", "eve"):
        course.submit(course.student(login), **parts)
    publish(old, "dated", 2, *due(now - timedelta(hours=30), rule))
    for login in ("late", "later", "excused", "regretted"):
        course.student(login)
    course.extend("dated", "excused", now + timedelta(days=2))
    for login in ("late", "later", "excused", "regretted"):
        course.submit(login, **parts)
    course.extend("dated", "later", now - timedelta(hours=2))
    course.extend("dated", "regretted", now + timedelta(days=3))
    course.ask("DELETE", "/assignments/dated/extensions/regretted", 204)
    course.submit("late", **parts | {"answers": '{"2.2": "softer"}'})
    course.regrade("dated", end="publish", where={"student": "early"})
    course.regrade("dated", end="publish revert", where={"student": "eager"})


def probabilities(points: float) -> tuple[str, str]:
    """The change of the points of a known mistake."""
    mistake = '"kd.soft_term.probabilities_not_log" = { points = '
    return f"{mistake}0.25 }}", f"{mistake}{points} }}"


def regrades(old: Old, course: Course) -> None:
    """Regrades of the class: published, reverted, cancelled; a preview is left."""
    publish(old, "hw13", 2, ('key = "softer"', 'key = "harder"'), probabilities(0.1))
    course.regrade("hw13", end="publish revert")
    publish(
        old,
        "hw13",
        3,
        probabilities(0.2),
        ("rows_differ_points = 0.25", "rows_differ_points = 0.3"),
        ("batches = [1, 2]", "batches = [1, 3]"),
    )
    course.regrade("hw13", end="publish", questions=["1.2", "2.1"])
    course.regrade("hw13", "remeasure", "publish", where={"student": "rita"})
    course.regrade("hw13", end="cancel", where={"verdict": "needs_review"})
    course.submit(course.student("nora"), model=MODEL, loss=RIGHT, answers=ANSWERS)
    course.submit(course.student("paul"), slug="hw13-2023", model=MODEL, loss=RIGHT, answers=ANSWERS)
    course.regrade("hw13-2023")


def faults(old: Old, course: Course) -> None:
    """Submissions that failed by faults of the grader and of its infrastructure, which an assignment's limits cause."""
    for slug, limit in (("no-files", "open_files = 1"), ("no-such-limit", "patience = 1")):
        publish(old, slug, 1, ("[sandbox]\n", f"[sandbox]\n{limit}\n"))
        course.submit(course.student(), slug=slug, model=MODEL, answers=ANSWERS)


def killed_worker(old: Old, course: Course, worker: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """A submission whose worker died in the middle of it; another worker graded it."""
    survivor = course.submit(course.student("kurt"), wait=False, model=sleeping(8), answers=ANSWERS)
    course.end(survivor, ("running",))
    time.sleep(3)
    worker.kill()
    worker.wait()
    other = old.start("worker", "worker")
    course.end(survivor)
    return other


def platforms(old: Old, course: Course) -> Any:
    """A learning platform with a score that arrived, one that it refused and one that waits."""
    simulator = old.module("tests/integration/lti_platform.py")
    platform = simulator.Platform()
    platform.tool = old.url
    old.command(
        "lti", "add", "school", "--issuer", platform.url, "--client-id", simulator.CLIENT,
        "--deployment-id", simulator.DEPLOYMENT, "--auth-url", f"{platform.url}/auth",
        "--token-url", f"{platform.url}/token", "--jwks-url", f"{platform.url}/jwks",
    )  # fmt: skip
    custom = {f"{simulator.LTI}custom": {"assignment": "hw13"}}
    platform.refuse["lou"] = 403
    for subject in ("lea", "lou", "lin", "lyn"):
        platform.enrol(subject, simulator.LEARNER, **custom, **platform.line_item())
        browser = simulator.Browser(old.url)
        assert browser.launch(platform, subject).status_code == 303
    rows = {row["name"]: row["student"] for row in course.ask("GET", "/scores", params={"assignment": "hw13"})}
    for subject in ("lea", "lou"):
        course.submit(rows[f"Name of {subject}"], answers=ANSWERS)
    platform.wait_for("lea", 1)
    time.sleep(3)
    platform.down = True
    course.submit(rows["Name of lin"], answers=ANSWERS)
    time.sleep(3)
    return platform


def unfinished(course: Course) -> None:
    """What still runs or waits when the copy is made, and the regrade of another assignment under way."""
    for _ in range(2):
        running = course.submit(course.student(), wait=False, model=sleeping(12), answers=ANSWERS)
        course.end(running, ("running",))
    for login in ("quinn", "quentin"):
        course.submit(course.student(login), wait=False, model=MODEL, loss=RIGHT, answers=ANSWERS)
    stopped = course.submit(course.student("cleo"), wait=False, model=MODEL)
    course.ask("POST", f"/submissions/{stopped}/cancel")
    body = {"assignment": "curves", "kind": "remeasure", "questions": ["1.1", "2.1"]}
    course.ask("POST", "/admin/regrades", 202, json=body)
