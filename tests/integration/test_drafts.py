"""Drafts with the real sandbox and database: the author's solutions decide, and a preview outlives its draft."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
import tomlkit

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.drafts import editing, repository, service
from app.drafts.models import AssignmentDraft, TrialState
from app.drafts.trial import RubricTrials
from app.queue.dbos_engine import DbosJobs
from app.regrades import service as regrades
from app.regrades.models import Kind, RegradeState
from app.regrades.preview import Previewer
from app.users import service as users
from app.users.models import Role
from app.worker import lost_jobs
from grader.assignment import bundled
from grader.assignment_check import MAIN
from grader.sandbox.supervisor import Sandbox
from tests import class_rows

FOLDER = "functions/get_num_channels_to_keep/"


@pytest.fixture
def admin(database: Database) -> Viewer:
    with database.write() as session:
        return Viewer.of(users.create_user(session, login="boss", name="Boss", role=Role.ADMIN, actor="test"))


def one_function(slug: str) -> dict[str, str]:
    """An assignment with one function of `prune-quantize`, two known mistakes and the right variants of the author."""
    files = bundled("prune-quantize").files
    document = tomlkit.parse(editing.with_identity(files[MAIN], slug, {"en": "One function"}))
    questions = [
        question for question in document["questions"] if question["options"].get("folder") == FOLDER.strip("/")
    ]
    document["questions"] = tomlkit.aot()
    for question in questions:
        document["questions"].append(question)
    own = {name: text for name, text in files.items() if name.startswith(FOLDER) and "/mistakes/" not in name}
    wrong = {name: text for name, text in files.items() if name.startswith(f"{FOLDER}mistakes/rounded_")}
    return {MAIN: tomlkit.dumps(document), "prelude.py": files["prelude.py"], **own, **wrong}


def save(database: Database, jobs: DbosJobs, admin: Viewer, texts: Mapping[str, str], revision: str = "") -> uuid.UUID:
    with database.write() as session:
        return service.save(session, jobs, admin, texts, revision).id


def tried(database: Database, jobs: DbosJobs, sandbox: Sandbox, draft: uuid.UUID) -> AssignmentDraft:
    RubricTrials(database, jobs, sandbox, lambda: False).run(draft)
    with database.read() as session:
        found = repository.get(session, draft)
        assert found is not None
        return found


def test_the_authors_own_solutions_decide_whether_a_draft_can_be_published(
    database: Database, jobs: DbosJobs, admin: Viewer, sandbox: Sandbox
) -> None:
    texts = one_function("own")
    wrong_file = f"{FOLDER}correct/wrong.py"
    wrong = {**texts, wrong_file: "def get_num_channels_to_keep(channels, prune_ratio):\n    return channels\n"}
    draft = tried(database, jobs, sandbox, save(database, jobs, admin, wrong))
    assert draft.trial_state is TrialState.DONE
    assert draft.trial is not None
    assert [finding["file"] for finding in draft.trial[0]["findings"] if finding["is_error"]] == [wrong_file]
    with database.write() as session, pytest.raises(service.TrialNotPassed):
        service.publish(session, admin, "own", service.standing(session, "own").revision)
    with database.read() as session:
        revision = service.standing(session, "own").revision
    second = save(database, jobs, admin, texts, revision)
    # A worker that stops hands the trial back, and a job that was lost is enqueued again.
    waiting = RubricTrials(database, jobs, sandbox, lambda: True)
    waiting.run(second)
    assert (str(second),) in jobs.active()
    assert lost_jobs.replace(database, jobs, timedelta(0)) == 0
    draft = tried(database, jobs, sandbox, second)
    assert draft.trial is not None
    assert (draft.trial[0]["mistakes"], draft.trial[0]["correct"]) == (2, 3)
    assert service.passed(draft)
    with database.write() as session:
        assert service.publish(session, admin, "own", service.standing(session, "own").revision).version == 1


def test_the_preview_of_a_draft_is_published_after_the_draft(database: Database, jobs: DbosJobs, admin: Viewer) -> None:
    class_rows.enrol(database, 6, 1)
    assignment = bundled("hw13")
    changed = assignment.files[MAIN].replace('key = "softer"', 'key = "harder"', 1)
    with database.read() as session:
        revision = service.standing(session, "hw13").revision
    save(database, jobs, admin, {**assignment.files, MAIN: changed}, revision)
    with database.write() as session:
        revision = service.standing(session, "hw13").revision
        regrade = service.try_on_submissions(session, jobs, admin, "hw13", revision, Kind.RESCORE).id
    Previewer(database, jobs, lambda: False).run(regrade)
    with database.write() as session:
        view = regrades.view(session, regrades.find(session, regrade))
        assert (view.state, view.version, view.is_draft, view.done) == (RegradeState.PREVIEW, 2, True, 6)
        assert view.changed > 0
        assert assignments.current(session, "hw13").version == 1
        with pytest.raises(regrades.TargetNotPublished):
            regrades.publish(session, admin, regrade)
    with database.write() as session:
        service.publish(session, admin, "hw13", revision)
    with database.write() as session:
        assert regrades.publish(session, admin, regrade).state is RegradeState.PUBLISHED
