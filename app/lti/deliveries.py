"""Scheduling of the scores that go to platforms: what the gradebook should show, what is due, and what to do next.

Grading does not call this module. Scores are compared with what was sent whenever a class has changed, which covers
every cause of a change: a grading, points by hand, a regrade, an extension, a newer version of the assignment.

A score that the platform refuses backs off alone. A platform that does not answer is paused. Refusals pause a line item
only after refusals of many different scores and no success: then one score at a time probes the line item.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.db.base import now
from app.lti import delivery_repository as repository
from app.lti.models import Delivery, LineItem, Passback, Platform
from app.scores.class_records import Attempt, ClassSnapshot
from app.submissions.models import State

LEASE = timedelta(minutes=2)
"""Longer than sending takes. The score of a sender that died is free again after this time."""
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=10)
_LONGEST_RETRY_AFTER = timedelta(hours=1)
_REFUSAL_WAITS = (
    *(timedelta(seconds=seconds) for seconds in (2, 15, 120, 1200)),
    *(timedelta(hours=hours) for hours in (2, 6, 12, 24)),
)
"""The wait after each refusal of a score. One more refusal gives it up: a locked grade has nearly two days to open."""
REFUSALS_TO_PAUSE = 8
"""Refusals of this many different scores in a row are a fault of the line item, not of the scores."""
_HELD = "On hold: no score is sent before `assay lti resume`."
_STAMP_STEP = timedelta(seconds=1)
_ORDER = [Delivery.REFUSED, Delivery.WAITING, Delivery.SENT, Delivery.IDLE]


@dataclass(frozen=True)
class OutgoingScore:
    """A student's score that one sender has claimed, with its destination and its timestamp.

    ``before`` is the score that the gradebook shows now.
    """

    id: int
    lease: uuid.UUID
    platform_id: int
    url: str
    subject: str
    wanted: dict[str, Any]
    before: dict[str, Any] | None
    stamp: datetime


def gradebook_score(attempt: Attempt | None, max_score: float, withheld: Collection[str] = ()) -> dict[str, Any] | None:
    """What the gradebook should show for the attempt that counts; ``None`` while nothing is graded.

    The platform shows it to the student, so it is the score so far without the ``withheld`` questions.
    """
    if attempt is None or attempt.state is not State.GRADED:
        return None
    attempt = attempt.told(withheld)
    score = {
        "submission": str(attempt.submission),
        "submitted_at": attempt.submitted_at.isoformat(),
        "score": attempt.score,
        "max_score": max_score,
        "review": attempt.needs_review,
    }
    # Stored scores of former versions have no such entry: it must not make them differ.
    return score | {"withheld": True} if withheld else score


def mark_changed(session: Session, snapshot: ClassSnapshot, withheld: Collection[str] = ()) -> int:
    """Make due every score of a class that differs from the one last wanted. Returns how many differ.

    The results of the questions ``withheld`` are not told to students yet. Moodle empties a grade whose score is
    not final, so a final score stays until the next one is final, unless the assignment says otherwise.
    """
    keeps_final = snapshot.assignment.schedule.gradebook == "final"
    # The gradebook of an excused student keeps what was sent before: LTI has no way to excuse.
    counting = {standing.login: standing.counting for standing in snapshot.standings if not standing.excused}
    changed = 0
    for row in repository.of_assignment(session, snapshot.assignment.slug):
        score = gradebook_score(counting.get(row.user.login), snapshot.assignment.max_score, withheld)
        if score is not None and keeps_final and not _is_final(score):
            score = next((former for former in (row.wanted, row.sent) if former and _is_final(former)), score)
        if score is not None and score != row.wanted:
            # The last error stays: `_is_first_failure` must not count a row again that keeps failing.
            row.wanted, row.state, row.due_at, row.tries, row.refusals = score, Delivery.WAITING, now(), 0, 0
            changed += 1
    return changed


def _is_final(score: dict[str, Any]) -> bool:
    return not score["review"] and not score.get("withheld", False)


def claim_next(session: Session, platform_id: int) -> OutgoingScore | None:
    """Claim one due score of a platform for the caller, or ``None``."""
    moment = now()
    row = repository.next_due(session, platform_id, moment)
    if row is None or row.wanted is None or not _may_send(session, row.line_item, moment):
        return None
    lease = uuid.uuid4()
    # Platforms refuse a score that is not newer than the last one, and some of them count whole seconds.
    stamp = max(moment, row.stamp + _STAMP_STEP) if row.stamp is not None else moment
    row.lease, row.leased_until, row.stamp, row.tries = lease, moment + LEASE, stamp, row.tries + 1
    session.flush()
    item = row.line_item
    return OutgoingScore(row.id, lease, item.platform_id, item.url, row.subject, dict(row.wanted), row.sent, stamp)


def record_success(session: Session, score: OutgoingScore) -> None:
    """Note that the platform accepted the score. A row that changed meanwhile stays due."""
    row = repository.leased(session, score.id, score.lease)
    if row is None:
        return
    row.sent, row.sent_at = score.wanted, now()
    _release(row, error=None)
    if row.wanted == score.wanted:
        row.state, row.tries, row.refusals = Delivery.SENT, 0, 0
    _end_outage(session, row.line_item.platform)
    if row.line_item.failures >= REFUSALS_TO_PAUSE:
        repository.make_due(session, row.line_item_id, now())
    repository.clear_trouble(session, LineItem, row.line_item_id)


def record_refusal(session: Session, score: OutgoingScore, error: str, status: int) -> bool:
    """Note that the platform refused the score, and let it wait longer each time. Returns whether it is given up."""
    row = repository.leased(session, score.id, score.lease)
    if row is None:
        return False
    item = row.line_item
    _end_outage(session, item.platform)
    repository.lock(session, item)
    item.failures += _is_first_failure(row)
    if item.failures >= REFUSALS_TO_PAUSE:
        item.paused_until, item.trouble = now() + _pause(item.failures - REFUSALS_TO_PAUSE), error
    _release(row, error, status)
    if row.wanted != score.wanted:
        return False
    row.refusals += 1
    if row.refusals > len(_REFUSAL_WAITS):
        row.state = Delivery.REFUSED
        return True
    row.due_at = now() + _REFUSAL_WAITS[row.refusals - 1]
    return False


def record_outage(session: Session, score: OutgoingScore, error: str, *, retry_after: float | None = None) -> None:
    """Note that the platform did not answer: it is paused, for longer the more different scores have met that."""
    row = repository.leased(session, score.id, score.lease)
    if row is None:
        return
    platform = row.line_item.platform
    repository.lock(session, platform)
    requested = min(timedelta(seconds=min(retry_after or 0.0, 1e6)), _LONGEST_RETRY_AFTER)
    # A score that failed before says nothing new about the platform: it waits longer, the others do not.
    platform.failures += _is_first_failure(row)
    platform.paused_until, platform.trouble = now() + max(_pause(platform.failures - 1), requested), error
    if row.line_item.failures >= REFUSALS_TO_PAUSE:
        row.line_item.paused_until = platform.paused_until
    _release(row, error)
    if row.wanted == score.wanted:
        row.due_at = now() + max(_pause(row.tries - 1), requested)


def by_urgency(session: Session, slug: str) -> list[Passback]:
    """Every passback of an assignment: failing ones first, then by login."""
    rows = repository.of_assignment(session, slug)
    return sorted(rows, key=lambda row: (_ORDER.index(row.state), not _is_stuck(row), row.user.login))


def count_failing(rows: Sequence[Passback]) -> int:
    """The number of scores that are given up, were refused, or wait for a line item or platform in trouble."""
    return sum(row.state is Delivery.REFUSED or _is_stuck(row) for row in rows)


def send_again(session: Session, slug: str, passback_id: int | None) -> int:
    """Make one student's score due, or all of the assignment that were not sent. Returns how many."""
    return repository.start_over(session, slug, passback_id, now())


def hold_all(session: Session, actor: str) -> int:
    """Send nothing to any platform until `resume_all`. Returns how many platforms were not on hold.

    A copy of the database would send what it knows beside the service that it was copied from.
    """
    held = repository.hold_platforms(session, _HELD)
    if held:
        audit.record(session, actor, "lti.hold", "", platforms=held)
    return held


def resume_all(session: Session, actor: str) -> int:
    """Send to the platforms on hold again, what changed meanwhile too. Returns how many there were."""
    resumed = repository.resume_platforms(session)
    if resumed:
        audit.record(session, actor, "lti.resume", "", platforms=resumed)
    return resumed


def _is_stuck(row: Passback) -> bool:
    if row.state is not Delivery.WAITING:
        return False
    return row.error is not None or row.line_item.trouble is not None or row.line_item.platform.failures > 0


def _may_send(session: Session, item: LineItem, moment: datetime) -> bool:
    """Whether a score may be sent there now. To a place in trouble one score goes at a time; the others wait."""
    places: list[Platform | LineItem] = [item.platform] if item.platform.failures else []
    if item.failures >= REFUSALS_TO_PAUSE:
        places.append(item)
    for place in places:
        repository.lock(session, place)
    if any(place.paused_until is not None and place.paused_until > moment for place in places):
        return False
    for place in places:
        place.paused_until = moment + LEASE
    return True


def _is_first_failure(row: Passback) -> bool:
    return row.error is None


def _release(row: Passback, error: str | None, status: int | None = None) -> None:
    row.error, row.refusal_status, row.lease, row.leased_until = error, status, None, None


def _pause(doublings: int) -> timedelta:
    return min(_FIRST_PAUSE * 2.0 ** min(max(doublings, 0), 20), _LONGEST_PAUSE)


def _end_outage(session: Session, platform: Platform) -> None:
    if platform.failures:
        repository.make_platform_due(session, platform.id, now(), now() + _LONGEST_PAUSE)
    repository.clear_trouble(session, Platform, platform.id)
