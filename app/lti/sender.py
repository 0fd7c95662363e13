"""A thread of every worker that passes scores to platforms, so that gradings never wait for a platform."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from sqlalchemy.orm import Session

from app.db.base import now
from app.db.engine import Database
from app.lti import deliveries, delivery_repository, repository
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.score_service import Address, ScoreService
from app.problems import Problem
from app.queue import repository as job_repository
from app.scores import withholding
from app.scores.class_cache import ClassCache
from app.scores.class_records import ClassSnapshot
from app.settings import Settings

_PLATFORMS_AT_ONCE = 4
_CHORE = "lti"

log = structlog.get_logger()


_Compared = tuple[ClassSnapshot, tuple[int, ...], frozenset[str]]
"""A class, the size of its passbacks, and its withheld questions: what a comparison depends on."""


class Sender:
    """Compares the scores of classes with those that were sent, and sends what differs."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.scores = ScoreService(database)
        self._cache = ClassCache()
        self._compared: dict[str, _Compared] = {}
        self._sending: dict[int, Future[None]] = {}
        self._pool = ThreadPoolExecutor(_PLATFORMS_AT_ONCE, thread_name_prefix="lti-send")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lti", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the requests under way. Another worker, or a later one, sends the rest."""
        self._stopped.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._stopped.wait(self.settings.heartbeat_seconds):
            try:
                self.poll()
            except Exception:
                # Mostly the database is away. Nothing is lost: the next comparison meets the same differences.
                log.exception("points were not passed back")

    def poll(self) -> None:
        """Compare the classes that changed, and start a task for each platform with a due score."""
        with self.database.read() as session:
            slugs = delivery_repository.assignment_slugs(session)
        if not slugs:
            return
        with self.database.write() as session:
            compares = job_repository.claim_chore(session, _CHORE, every_seconds=self.settings.heartbeat_seconds / 2)
        if compares:
            for slug in slugs:
                self._compare(slug)
        with self.database.read() as session:
            platforms = delivery_repository.due_platforms(session, now())
        self._sending = {platform: future for platform, future in self._sending.items() if not future.done()}
        for platform_id in platforms:
            if platform_id not in self._sending:
                self._sending[platform_id] = self._pool.submit(self.send_due, platform_id)

    def _compare(self, slug: str) -> None:
        with self.database.read() as session:
            current = self._current(session, slug)
        if self._compared.get(slug) == current:
            return
        with self.database.write() as session:
            # Read the class again under the lock: an older snapshot must not overwrite a newer comparison.
            job_repository.lock_chore(session, _CHORE)
            current = self._current(session, slug)
            deliveries.mark_changed(session, current[0], current[2])
        self._compared[slug] = current

    def _current(self, session: Session, slug: str) -> _Compared:
        size = delivery_repository.size(session, slug)
        return self._cache.snapshot(session, slug), size, withholding.withheld_in_class(session, slug)

    def send_due(self, platform_id: int) -> None:
        """Send the due scores of a platform until none is left, or the platform is away."""
        try:
            while not self._stopped.is_set() and self._send_one(platform_id):
                pass
        except Exception:
            log.exception("points were not passed back", platform=platform_id)

    def _send_one(self, platform_id: int) -> bool:
        """Send one score. Returns false when none is due, or the platform is away."""
        with self.database.write() as session:
            platform = repository.platform(session, platform_id)
            score = deliveries.claim_next(session, platform_id) if platform is not None else None
        if score is None or platform is None:
            return False
        context = {"platform": platform.name, "passback": score.id}
        try:
            self.scores.send(Address.of(platform), score)
        except (PlatformAway, Problem) as error:
            retry_after = error.retry_after if isinstance(error, PlatformAway) else None
            with self.database.write() as session:
                deliveries.record_outage(session, score, str(error), retry_after=retry_after)
            log.warning("platform away", error=str(error), **context)
            return False
        except PlatformRefused as error:
            with self.database.write() as session:
                given_up = deliveries.record_refusal(session, score, str(error), error.status)
            log.warning("points refused", error=str(error), given_up=given_up, **context)
            return True
        with self.database.write() as session:
            deliveries.record_success(session, score)
        log.info("points passed back", **context)
        return True
