"""Publish and revert a regrade, each in one transaction, on exactly the results that the preview used."""

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

_LISTED_SUBMISSIONS = 20


class RegradeOutdated(Conflict):
    """The scores have changed since this regrade was computed."""

    slug = "regrade-outdated"


def publish(session: Session, regrade: Regrade) -> None:
    """Let the previewed points count. Raises `RegradeOutdated` when a result has changed since the preview.

    The caller has locked the regrade's row.
    """
    entries = repository.done_entries(session, regrade.id)
    stored_results = repository.stored_results(session, entries, lock=True)
    _require_unchanged(
        entries,
        stored_results,
        "changed since the preview. Cancel this regrade and start a new one; it reuses the measurements.",
    )
    _require_complete(session, regrade)
    moment = now()
    changes = repository.changes(session, regrade.id)
    repository.write_scores(session, [(change, change.after) for change in changes], moment)
    repository.write_submissions(session, _submission_values(regrade, entries, stored_results))
    regrade.state, regrade.published_at = RegradeState.PUBLISHED, moment
    _store_new_basis(session, regrade, entries)


def revert(session: Session, regrade: Regrade) -> None:
    """Restore the results from before publishing. Raises `RegradeOutdated` when a later regrade builds on this one.

    The caller has locked the regrade's row.
    """
    entries = repository.done_entries(session, regrade.id)
    stored_results = repository.stored_results(session, entries, lock=True)
    _require_unchanged(
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


def _require_unchanged(
    entries: dict[uuid.UUID, RegradeEntry], stored_results: dict[uuid.UUID, StoredResult], sentence_end: str
) -> None:
    changed = [identifier for identifier, entry in entries.items() if stored_results[identifier].basis != entry.basis]
    if changed:
        raise RegradeOutdated(f"{len(changed)} submissions {sentence_end}", submissions=_names(changed))


def _require_complete(session: Session, regrade: Regrade) -> None:
    """Refuse if a submission ended after the preview, graded by an older version: it would keep old points."""
    condition = Condition.model_validate(regrade.condition)
    previewed = repository.submission_ids(session, regrade.id)
    selected = repository.select_submissions(session, regrade.slug, condition, regrade.questions)
    late = [identifier for identifier in selected if identifier not in previewed]
    older = repository.of_other_versions(session, late, regrade.target_id)
    if older:
        raise RegradeOutdated(
            f"{len(older)} submissions were graded by an older version since the preview and are not in it. "
            "Cancel this regrade and start a new one; it reuses the measurements.",
            submissions=_names(older),
        )


def _submission_values(
    regrade: Regrade, entries: dict[uuid.UUID, RegradeEntry], stored_results: dict[uuid.UUID, StoredResult]
) -> list[dict[str, Any]]:
    """The new columns of the submissions. A regrade of some questions keeps their run and version."""
    rows = []
    for identifier, entry in entries.items():
        values: dict[str, Any] = {"id": identifier, "revision": stored_results[identifier].submission.revision + 1}
        submission = stored_results[identifier].submission
        values |= {"assignment_id": submission.assignment_id, "run_id": submission.run_id}
        values |= {"state": submission.state, "fault": submission.fault}
        if regrade.whole:
            values["assignment_id"] = regrade.target_id
            if regrade.kind is Kind.REMEASURE and entry.run_id is not None:
                values |= {"run_id": entry.run_id, "state": State.GRADED, "fault": None}
        rows.append(values)
    return rows


def _store_new_basis(session: Session, regrade: Regrade, entries: dict[uuid.UUID, RegradeEntry]) -> None:
    """Store the digest of the published results: a later revert compares it."""
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
    return [str(identifier) for identifier in list(identifiers)[:_LISTED_SUBMISSIONS]]
