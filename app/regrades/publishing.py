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
from app.regrades.rows import Change
from app.regrades.selection import Condition
from app.scores import withholding
from app.submissions.models import State

_LISTED_SUBMISSIONS = 20


class RegradeTellsResults(Conflict):
    """This regrade would tell students a result that they do not read yet."""

    slug = "regrade-tells-results"


class RegradeOutdated(Conflict):
    """The scores have changed since this regrade was computed."""

    slug = "regrade-outdated"


def publish(session: Session, regrade: Regrade) -> None:
    """Let the previewed points count. The caller has locked the regrade's row.

    Raises `RegradeOutdated` when a result has changed since the preview, or `RegradeTellsResults`.
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
    moves_version = regrade.whole
    if withheld := _withheld_selection(session, regrade):
        changes, moves_version = _invisible(changes, withheld), False
    repository.write_scores(session, [(change, change.after) for change in changes], moment)
    repository.write_submissions(session, _submission_values(regrade, entries, stored_results, moves_version))
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


def _withheld_selection(session: Session, regrade: Regrade) -> frozenset[str]:
    """The questions whose results students do not read yet, if one of these results selected the submissions."""
    condition = Condition.model_validate(regrade.condition)
    withheld = withholding.withheld_in_class(session, regrade.slug)
    selects = any(condition.reads_result_of(number, regrade.questions) for number in withheld)
    return withheld if selects else frozenset()


def _invisible(changes: list[Change], withheld: Collection[str]) -> list[Change]:
    """The changes to withheld results. Raises `RegradeTellsResults` if students would see any other change.

    A new measurement without another result is left out: its times and versions would show who was selected.
    """
    visible = {change.question for change in changes if change.question not in withheld and change.reason is not None}
    if visible:
        raise RegradeTellsResults(
            f"Results that students do not read yet ({', '.join(sorted(withheld))}) select the submissions of this "
            f"regrade, and students would see a change of {', '.join(sorted(visible))}. Select the submissions without "
            "these results, or wait until they are told.",
            withheld=sorted(withheld),
            changed=sorted(visible),
        )
    return [change for change in changes if change.question in withheld]


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
    regrade: Regrade,
    entries: dict[uuid.UUID, RegradeEntry],
    stored_results: dict[uuid.UUID, StoredResult],
    moves_version: bool,
) -> list[dict[str, Any]]:
    """The new columns of the submissions. Unless it ``moves_version``, the regrade keeps their run and version."""
    rows = []
    for identifier, entry in entries.items():
        values: dict[str, Any] = {"id": identifier, "revision": stored_results[identifier].submission.revision + 1}
        submission = stored_results[identifier].submission
        values |= {"assignment_id": submission.assignment_id, "run_id": submission.run_id}
        values |= {"state": submission.state, "fault": submission.fault}
        if moves_version:
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
