"""Making a previewed regrade count, and taking it back: each in one transaction, on exactly what the preview saw."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from app.db.base import now
from app.problems import Conflict
from app.regrades import repository
from app.regrades.models import Kind, Regrade, RegradeEntry, RegradeState
from app.regrades.repository import StoredResult
from app.regrades.selection import Condition
from app.submissions.models import State

_NAMED = 20


class RegradeOutdated(Conflict):
    """The scores have changed since this regrade was computed."""

    slug = "regrade-outdated"


def publish(session: Session, regrade: Regrade) -> None:
    """Let the previewed points count. Raises `RegradeOutdated` when a submission is not what the preview saw.

    The caller holds the regrade's row.
    """
    entries = repository.done_entries(session, regrade.id)
    stored_results = repository.stored_results(session, entries, lock=True)
    _check_unmoved(
        entries,
        stored_results,
        "changed since the preview. Cancel this regrade and start a new one; it reuses the measurements.",
    )
    _check_nobody_new(session, regrade)
    moment = now()
    changes = repository.changes(session, regrade.id)
    repository.write_scores(session, [(change, change.after) for change in changes], moment)
    repository.write_submissions(session, _moved(regrade, entries, stored_results))
    regrade.state, regrade.published_at = RegradeState.PUBLISHED, moment
    _seal(session, regrade, entries)


def revert(session: Session, regrade: Regrade) -> None:
    """Let everything stand again as it did before publishing. Raises `RegradeOutdated` when something is built on it.

    The caller holds the regrade's row.
    """
    entries = repository.done_entries(session, regrade.id)
    stored_results = repository.stored_results(session, entries, lock=True)
    _check_unmoved(
        entries, stored_results, "were regraded again since this one was published. Revert the later regrade first."
    )
    changes = repository.changes(session, regrade.id)
    repository.write_scores(session, [(change, change.before) for change in changes], now())
    repository.write_submissions(
        session,
        [
            {
                "id": identifier,
                "run_id": entry.before_run_id,
                "assignment_id": entry.before_assignment_id,
                "state": entry.before_state,
                "fault": entry.before_fault,
                "revision": stored_results[identifier].submission.revision + 1,
            }
            for identifier, entry in entries.items()
        ],
    )
    regrade.state, regrade.ended_at = RegradeState.REVERTED, now()


def _check_unmoved(
    entries: dict[uuid.UUID, RegradeEntry], stored_results: dict[uuid.UUID, StoredResult], what_to_do: str
) -> None:
    moved = [identifier for identifier, entry in entries.items() if stored_results[identifier].basis != entry.basis]
    if moved:
        raise RegradeOutdated(f"{len(moved)} submissions {what_to_do}", submissions=_names(moved))


def _check_nobody_new(session: Session, regrade: Regrade) -> None:
    """A submission that ended since the preview, and was still graded by an older version, would be left behind."""
    condition = Condition.model_validate(regrade.condition)
    covered = repository.submission_ids(session, regrade.id)
    selected = repository.select_submissions(session, regrade.slug, condition, regrade.questions)
    late = [identifier for identifier in selected if identifier not in covered]
    older = repository.of_other_versions(session, late, regrade.target_id)
    if older:
        raise RegradeOutdated(
            f"{len(older)} submissions were graded by an older version since the preview and are not in it. "
            "Cancel this regrade and start a new one; it reuses the measurements.",
            submissions=_names(older),
        )


def _moved(
    regrade: Regrade, entries: dict[uuid.UUID, RegradeEntry], stored_results: dict[uuid.UUID, StoredResult]
) -> list[dict[str, Any]]:
    """The submissions' columns. When only some questions are regraded, their run and version stay."""
    moved = []
    for identifier, entry in entries.items():
        values: dict[str, Any] = {"id": identifier, "revision": stored_results[identifier].submission.revision + 1}
        submission = stored_results[identifier].submission
        values |= {"assignment_id": submission.assignment_id, "run_id": submission.run_id}
        values |= {"state": submission.state, "fault": submission.fault}
        if regrade.whole:
            values["assignment_id"] = regrade.target_id
            if regrade.kind is Kind.REMEASURE and entry.run_id is not None:
                values |= {"run_id": entry.run_id, "state": State.GRADED, "fault": None}
        moved.append(values)
    return moved


def _seal(session: Session, regrade: Regrade, entries: dict[uuid.UUID, RegradeEntry]) -> None:
    """Remember what stands now, so that a later revert can tell whether it still does."""
    session.flush()
    session.expire_all()
    stored_results = repository.stored_results(session, entries)
    repository.write_entries(
        session,
        [
            {"regrade_id": regrade.id, "submission_id": identifier, "basis": stored_result.basis}
            for identifier, stored_result in stored_results.items()
        ],
    )


def _names(identifiers: Collection[uuid.UUID]) -> list[str]:
    return [str(identifier) for identifier in list(identifiers)[:_NAMED]]
