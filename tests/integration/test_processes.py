"""The service as several processes, and what it says when it cannot start."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.db.engine import Database
from app.settings import Settings
from app.worker.embedded import FLOOR_NOT_MET
from app.worker.executor import ExecutorId
from grader.sandbox.policy import DRILL
from tests.integration.conftest import MakeSettings
from tests.integration.service import ADMIN_TOKEN, MODEL, Process, Service, WorkerProcess, questions
from tests.integration.test_grading import events

SERVE = "from app.serving import serve; from app.settings import Settings; serve(Settings(), True)"


def test_events_cross_processes(settings: Settings) -> None:
    service = Service(settings, worker=False, fresh=True)
    worker = WorkerProcess(settings, "elsewhere", fresh=True)
    try:
        student = service.person()
        submission = student.submit(model=MODEL, answers='{"2.2": "softer"}')
        seen = list(events(student, submission))
        assert seen[-1][0] == "done"
        assert questions(seen[-1][1])["1.1"]["score"] == 0.5
        assert {data["number"] for name, data in seen if name == "question"} == set(questions(seen[-1][1]))
        workers = service.admin.get("/admin/workers").json()
        assert [(row["executor"], row["state"]) for row in workers["workers"]] == [("elsewhere", "alive")]
        assert service.admin.get("/sandbox").json()["floor"] == "met"
        assert worker.stop() == 0
        assert service.admin.get("/admin/workers").json()["workers"][0]["state"] == "stopped"
    finally:
        worker.close()
        service.close()


@pytest.mark.parametrize("layer", [pytest.param("seccomp", marks=pytest.mark.thorough), "rlimits"])
def test_without_a_layer_of_the_floor_nothing_starts(make_settings: MakeSettings, layer: str) -> None:
    service = Process(SERVE, make_settings("sqlite"), "refused", **{DRILL: layer, "ASSAY_PORT": "0"})
    try:
        assert service.exit_code() == FLOOR_NOT_MET
        assert layer in service.log.read_text().rsplit("The sandbox floor is not met", 1)[1]
    finally:
        service.close()


def test_an_older_database_is_refused_with_the_remedy(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    database = Database(settings)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    database.close()
    service = Process(SERVE, settings, "refused", ASSAY_PORT="0")
    try:
        assert service.exit_code() == 1
        assert service.log.read_text().rstrip().endswith("Run `assay migrate` first.")
    finally:
        service.close()


def test_an_executor_id_in_use_is_refused(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    holder = ExecutorId(settings.model_copy(update={"executor_id": "mine"}))
    service = Process(SERVE, settings, "refused", ASSAY_PORT="0", ASSAY_EXECUTOR_ID="mine")
    try:
        assert service.exit_code() == 1
        assert "The executor id mine is taken" in service.log.read_text()
    finally:
        service.close()
        holder.release()


def test_a_service_on_an_empty_folder_makes_its_database(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    fresh = settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{settings.data_dir}/fresh.sqlite3")})
    service = Service(fresh, worker=False)
    try:
        assert service.admin.get("/assignments/hw13").status_code == 200
    finally:
        service.close()


def test_another_admin_token_ends_the_former(settings: Settings) -> None:
    first = Service(settings, worker=False)
    first.stop()
    first.close()
    second = Service(settings.model_copy(update={"admin_token": SecretStr("another-token")}), worker=False)
    try:
        assert second.client(ADMIN_TOKEN).get("/submissions").status_code == 401
        assert second.client("another-token").get("/submissions").status_code == 200
    finally:
        second.close()


def test_an_audit_entry_that_was_changed_or_removed_is_found(settings: Settings) -> None:
    service = Service(settings, worker=False)
    try:
        for _ in range(3):
            service.person()
        assert service.admin.get("/admin/audit").json()["broken_at"] is None
        database = Database(settings)
        with database.write() as session:
            session.execute(text("UPDATE audit SET actor = 'somebody' WHERE id = 3"))
        assert service.admin.get("/admin/audit").json()["broken_at"] == 3
        with database.write() as session:
            session.execute(text("DELETE FROM audit WHERE id = 3"))
        assert service.admin.get("/admin/audit").json()["broken_at"] == 4
        database.close()
    finally:
        service.close()
