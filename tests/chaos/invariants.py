"""Invariants after all faults: every accepted submission is graded once; nothing is lost, stuck or charged."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from app.audit import service as audit
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.scores.standing import submission_score
from app.settings import Settings
from app.submissions.models import Run, RunOutcome, State, Submission, Try
from tests.chaos.load import PlannedSubmission


def wait_until_settled(settings: Settings, seconds: float) -> bool:
    """Wait until no submission is unfinished."""
    database = Database(settings)
    until = time.monotonic() + seconds
    try:
        while True:
            with database.read() as session:
                states = session.scalars(select(Submission.state)).all()
            if all(state.ended for state in states):
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.5)
    finally:
        database.close()


def violations(settings: Settings, accepted: dict[str, PlannedSubmission]) -> Iterator[str]:
    """A sentence for each violated invariant."""
    database, jobs = Database(settings), DbosJobs(settings)
    try:
        with database.read() as session:
            stored = {str(row.id): row for row in session.scalars(select(Submission))}
            runs: dict[str, list[Run]] = defaultdict(list)
            for run in session.scalars(select(Run)):
                runs[str(run.submission_id)].append(run)
            tries: dict[int, list[Try]] = defaultdict(list)
            for one in session.scalars(select(Try)):
                tries[one.run_id].append(one)
            broken = audit.first_broken(session)
            if broken is not None:
                yield f"the audit chain breaks at {broken}"
            for identifier in accepted.keys() - stored.keys():
                yield f"{identifier} was accepted and is gone"
            for identifier in stored.keys() - accepted.keys():
                yield f"{identifier} is stored and was not accepted"
            for identifier in stored.keys() & accepted.keys():
                row, planned = stored[identifier], accepted[identifier]
                if row.state is not State.GRADED:
                    details = [one.detail for run in runs[identifier] for one in tries[run.id]]
                    yield f"{identifier} is {row.state.value}, not graded: {details}"
                    continue
                score = submission_score(session, row)
                if score.total != planned.score:
                    verdicts = {one.question.number: one.verdict.value for one in score.questions}
                    yield f"{identifier} has {score.total} points, not {planned.score}: {verdicts}"
                if not row.counts:
                    yield f"{identifier} is graded and gave its attempt back"
                finished = [run.id for run in runs[identifier] if run.outcome is RunOutcome.FINISHED]
                if finished != [row.run_id]:
                    yield f"{identifier} shows run {row.run_id}; finished are {finished}"
            for run in (run for several in runs.values() for run in several if run.outcome is RunOutcome.RUNNING):
                yield f"run {run.id} of {run.submission_id} never ended"
            for one in (one for several in tries.values() for one in several if one.outcome is RunOutcome.RUNNING):
                yield f"try {one.id} of run {one.run_id} never ended"
            attempts = Counter((row.user_id, row.attempt) for row in stored.values())
            for key, count in attempts.items():
                if count > 1:
                    yield f"{count} submissions are attempt {key[1]} of user {key[0]}"
        unfinished = jobs.active()
        if unfinished:
            yield f"{len(unfinished)} jobs are unfinished: {sorted(unfinished)[:3]}"
    finally:
        jobs.close()
        database.close()
