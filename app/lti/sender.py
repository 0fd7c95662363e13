"""A thread of every worker that passes points back, beside the gradings and never in their way."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from app.db.base import now
from app.db.engine import Database
from app.lti import deliveries
from app.lti.models import Platform
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.score_service import Address, ScoreService
from app.problems import Problem
from app.queue import repository as job_repository
from app.scores.class_records import ClassRecords, ClassSnapshot
from app.settings import Settings

_PLATFORMS_AT_ONCE = 4
_CHORE = "lti"

log = structlog.get_logger()


class Sender:
    """Compares the points of classes with what was passed back, and sends what differs."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.scores = ScoreService(database)
        self._records = ClassRecords()
        self._seen: dict[str, tuple[ClassSnapshot, tuple[int, ...]]] = {}
        self._sending: dict[int, Future[None]] = {}
        self._pool = ThreadPoolExecutor(_PLATFORMS_AT_ONCE, thread_name_prefix="lti-send")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lti", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. What is being sent is ended; the rest goes on in another worker, or later."""
        self._stopped.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._stopped.wait(self.settings.heartbeat_seconds):
            try:
                self.look()
            except Exception:
                # Mostly the database is away. Nothing is lost: what differs then differs later.
                log.exception("points were not passed back")

    def look(self) -> None:
        """Compare what has changed, and have sent what is due: one platform does not wait for another."""
        with self.database.read() as session:
            slugs = deliveries.slugs(session)
        if not slugs:
            return
        with self.database.write() as session:
            mine = job_repository.claim_chore(session, _CHORE, every_seconds=self.settings.heartbeat_seconds / 2)
        if mine:
            for slug in slugs:
                self._compare(slug)
        with self.database.read() as session:
            due = deliveries.platforms_due(session, now())
        self._sending = {known: future for known, future in self._sending.items() if not future.done()}
        for platform_id in due:
            if platform_id not in self._sending:
                self._sending[platform_id] = self._pool.submit(self.send_due, platform_id)

    def _compare(self, slug: str) -> None:
        with self.database.read() as session:
            seen = (self._records.snapshot(session, slug), deliveries.newest(session, slug))
        if self._seen.get(slug) == seen:
            return
        with self.database.write() as session:
            # One at a time and on what stands now: an older view of the class must not be written over a newer one.
            job_repository.lock_chore(session, _CHORE)
            seen = (self._records.snapshot(session, slug), deliveries.newest(session, slug))
            deliveries.compare(session, seen[0])
        self._seen[slug] = seen

    def send_due(self, platform_id: int) -> None:
        """Send what is due at a platform until nothing is, or the platform is away."""
        try:
            while not self._stopped.is_set() and self._send_one(platform_id):
                pass
        except Exception:
            log.exception("points were not passed back", platform=platform_id)

    def _send_one(self, platform_id: int) -> bool:
        """Send one student's points. False when there is nothing to send, or the platform is away."""
        with self.database.write() as session:
            platform = session.get(Platform, platform_id)
            job = deliveries.take(session, platform_id) if platform is not None else None
        if job is None or platform is None:
            return False
        told = {"platform": platform.name, "passback": job.id}
        try:
            self.scores.send(Address.of(platform), job)
        except (PlatformAway, Problem) as error:
            retry_after = error.retry_after if isinstance(error, PlatformAway) else None
            with self.database.write() as session:
                deliveries.away(session, job, str(error), retry_after=retry_after)
            log.warning("platform away", error=str(error), **told)
            return False
        except PlatformRefused as error:
            with self.database.write() as session:
                given_up = deliveries.refused(session, job, str(error))
            log.warning("points refused", error=str(error), given_up=given_up, **told)
            return True
        with self.database.write() as session:
            deliveries.arrived(session, job)
        log.info("points passed back", **told)
        return True
