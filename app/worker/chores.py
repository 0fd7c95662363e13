"""Periodic chores that one worker does for all: adopt jobs of older versions, replace lost ones, delete ended ones."""

from __future__ import annotations

import re
from datetime import timedelta

import structlog

from app.assignments import service as assignments
from app.courses.names import course_of
from app.db.base import now
from app.db.engine import Database
from app.queue import capabilities, repository
from app.queue.dbos_engine import DbosJobs
from app.settings import Settings
from app.submissions import repository as submissions
from app.submissions.processor_use import repository as processor_use
from app.users import enrolments
from app.worker import lost_jobs, retention
from app.worker import repository as work
from grader.version import GRADER_VERSION

KEPT = timedelta(days=1)
"""How long an ended job is kept, and the bytes of a submission that was cancelled before any verdict."""
_SWEEP_SECONDS = 60.0

log = structlog.get_logger()


class Chores:
    """The chores of one worker, run with its heartbeat. One worker at a time does each."""

    def __init__(self, settings: Settings, database: Database, jobs: DbosJobs) -> None:
        self.settings = settings
        self.database = database
        self.jobs = jobs

    def run(self) -> None:
        """Do the chores that are due and that no other worker has begun."""
        self.open_queues()
        if self._is_mine("adopt", self.settings.silent_seconds / 2):
            self._adopt()
        if self._is_mine("replace", self.settings.silent_seconds):
            lost_jobs.replace(self.database, self.jobs, timedelta(seconds=self.settings.silent_seconds))
        if self._is_mine("sweep", _SWEEP_SECONDS):
            self.jobs.forget_ended(now() - KEPT)
            with self.database.write() as session:
                submissions.forget_cancelled(session, now() - KEPT)
                processor_use.forget(session, now() - KEPT)
        if self._is_mine("place", _SWEEP_SECONDS):
            with self.database.write() as session:
                enrolments.place(session)
        days = self.settings.uploads_days
        if days is not None and self._is_mine("retention", _SWEEP_SECONDS):
            with self.database.write() as session:
                retention.delete_expired(session, days, now())

    def open_queues(self) -> None:
        """Give the database the queues that its assignments need."""
        with self.database.read() as session:
            slots = repository.most_slots(session, silent_seconds=self.settings.silent_seconds)
            versions = {*assignments.all_current(session), *work.assignments_with_work(session)}
            needs = [capabilities.needed_data(assignments.definition(version)) for version in versions]
        courses = {course_of(version.slug) for version in versions}
        self.jobs.open_queues(needs, courses, slots, self.settings.queue_poll_seconds)

    def _is_mine(self, name: str, every_seconds: float) -> bool:
        with self.database.write() as session:
            return repository.claim_chore(session, name, every_seconds=every_seconds)

    def _adopt(self) -> None:
        """Take over the jobs of versions that have no living worker any more, or never got one.

        A worker that is newer does so at once. An older one gives the newer workers time to come, and leaves regrades
        to them: a preview would say that the new version measured.
        """
        with self.database.read() as session:
            living = repository.living_versions(session, silent_seconds=self.settings.silent_seconds)
            seen = repository.versions(session)
        patience = now() - timedelta(seconds=self.settings.silent_seconds)
        for version, seen_at in seen.items():
            newer = is_newer(GRADER_VERSION, version)
            if version == GRADER_VERSION or version in living or not (newer or seen_at < patience):
                continue
            adopted = self.jobs.adopt(self.database, version, regrades=newer)
            if adopted:
                log.warning("took over jobs of a version without workers", version=version, jobs=adopted)


def is_newer(version: str, other: str) -> bool:
    """Whether a version of Assay is newer than another: by their numbers, 0.10 after 0.9."""
    mine, others = (tuple(map(int, re.findall(r"\d+", text))) for text in (version, other))
    return mine > others
