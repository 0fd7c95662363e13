"""A student who has used more processor time than the share waits behind everybody else."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import NoReturn

import pytest
from sqlalchemy import update

from app.db.base import now
from app.grading import cancelling
from app.queue.dbos_engine import GRADE
from app.settings import Settings
from app.submissions.models import RunOutcome, State
from app.submissions.processor_use import repository
from app.submissions.processor_use.models import ProcessorUse
from app.worker.share import Shares
from grader.sandbox import metering
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Sandbox
from tests.integration.test_grading import SLEEPY
from tests.integration.test_jobs import Course, StartWorker
from tests.integration.test_jobs import course as course
from tests.integration.test_later_stage import ON_SQLITE

BUSY = """
import os, time
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
"""
ANSWERS = '{"2.2": "softer"}'


def test_processor_time_of_all_children_counts_however_they_end(sandbox: Sandbox) -> None:
    with metering.metered() as meter:
        for source in (BUSY, BUSY + "os._exit(0)"):
            with sandbox.child() as child:
                child.request("load", {"source": source, "prelude": "", "filename": "model.py"})
    assert 1.0 <= meter.seconds < 30


def test_time_is_counted_by_student_for_an_hour(course: Course) -> None:
    submission = course.submit(answers=ANSWERS)
    others = _submission_of_another(course)
    shares = Shares(course.database, 300)
    with shares.metered(submission):
        metering.add(200)
    assert not shares.is_spent(submission)
    with pytest.raises(InfrastructureFault), shares.metered(submission):
        _use_and_fail(150)
    assert shares.is_spent(submission)
    assert not shares.is_spent(others)
    with course.database.write() as session:
        session.execute(update(ProcessorUse).values(at=now() - timedelta(minutes=61)))
    assert not shares.is_spent(submission)
    with course.database.write() as session:
        repository.forget(session, now() - timedelta(minutes=60))
        assert repository.seconds_since(session, submission, now() - timedelta(days=1)) == 0


@ON_SQLITE
def test_others_are_graded_while_a_spent_share_holds_all_slots(
    settings: Settings, course: Course, start_worker: StartWorker
) -> None:
    slow = [course.submit(model=SLEEPY.format(seconds=19)) for _ in range(settings.workers)]
    with course.database.write() as session:
        repository.add(session, slow[0], 301)
    start_worker(settings, "only")
    for submission in slow:
        course.wait_for(submission, State.RUNNING)
    course.wait_for(_submission_of_another(course), State.GRADED)
    assert [course.submission(submission).state for submission in slow] == [State.RUNNING] * len(slow)
    for submission in slow:
        with course.database.write() as session:
            cancelling.cancel(session, course.student, submission)


@pytest.mark.parametrize("each", [1, 5])
def test_nobody_waits_for_four_students_who_hold_what_they_can(
    settings: Settings, course: Course, start_worker: StartWorker, each: int
) -> None:
    attackers = [Course(course.database, course.jobs, f"attacker-{number}") for number in range(4)]
    slow = {
        attacker.submit(model=SLEEPY.format(seconds=19) + f"# {number} of {attacker.student.login}\n"): attacker
        for number in range(each)
        for attacker in attackers
    }
    start_worker(settings, "only")
    for submission in list(slow)[:4]:
        course.wait_for(submission, State.RUNNING)
    running = [submission for submission in slow if course.submission(submission).state is State.RUNNING]
    course.wait_for(course.submit(answers=ANSWERS), State.GRADED)
    assert {course.submission(submission).state for submission in running} == {State.RUNNING}
    for submission, attacker in slow.items():
        with course.database.write() as session:
            cancelling.cancel(session, attacker.student, submission)


@ON_SQLITE
def test_a_submission_that_gives_way_to_others_is_graded_after_the_slow_one(
    settings: Settings, course: Course, start_worker: StartWorker
) -> None:
    slow = course.submit(model=SLEEPY.format(seconds=5))
    second = course.submit(answers=ANSWERS)
    start_worker(settings.model_copy(update={"workers": 1}), "only")
    course.wait_for_jobs(GRADE, "DELAYED")
    course.wait_for(slow, State.GRADED)
    course.wait_for(second, State.GRADED)
    assert [run.outcome for run in course.runs(slow) + course.runs(second)] == [RunOutcome.FINISHED] * 2


def _use_and_fail(seconds: float) -> NoReturn:
    metering.add(seconds)
    raise InfrastructureFault("no child can be made")


def _submission_of_another(course: Course) -> uuid.UUID:
    """A submission of another student."""
    return Course(course.database, course.jobs, "zoe").submit(answers=ANSWERS)
