"""The migrations build what the models say, on both databases, and leave the job engine's tables alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text

from app.db import migrate
from app.db.engine import Database, make_engine
from app.settings import Settings
from app.tables import metadata
from tests.integration.conftest import KINDS, MakeSettings


def test_models_and_migrations_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_job_tables_stand_in_the_same_database(database: Database) -> None:
    schema = "dbos" if database.engine.dialect.name == "postgresql" else None
    assert "workflow_status" in inspect(database.engine).get_table_names(schema=schema)


def test_sqlite_runs_in_wal_with_foreign_keys(make_settings: MakeSettings) -> None:
    database = Database(make_settings("sqlite"))
    with database.read() as session:
        values = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")]
        assert values == ["wal", 1, 2]
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000
    database.close()


def test_processes_that_migrate_together_all_succeed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path}/new.sqlite3"))
    with ThreadPoolExecutor(4) as threads:
        for upgrade in [threads.submit(migrate.upgrade, settings) for _ in range(4)]:
            upgrade.result()
    migrate.check(settings)


def test_an_older_schema_is_refused_by_name(settings: Settings) -> None:
    database = Database(settings)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    database.close()
    with pytest.raises(migrate.NotMigrated, match="assay migrate"):
        migrate.check(settings)


def test_a_newer_schema_is_accepted(settings: Settings) -> None:
    database = Database(settings)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999_of_the_next_release'"))
    database.close()
    migrate.check(settings)


def test_every_migration_only_adds(tmp_path: Path) -> None:
    """Code of the version before goes on: nothing that it names has gone, nothing that it leaves out is demanded."""
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path}/steps.sqlite3"))
    engine = make_engine(settings)
    config = migrate._config()
    before: dict[str, dict[str, bool]] = {}
    for step in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, step.revision)
        after = demands(engine)
        for table, columns in before.items():
            assert columns.keys() <= after[table].keys(), (step.revision, table)
            new = {name: demanded for name, demanded in after[table].items() if demanded and not columns.get(name)}
            assert new == {}, (step.revision, table)
        before = after
    engine.dispose()
    assert "submissions" in before


@pytest.mark.parametrize("kind", KINDS)
def test_former_tries_become_rows(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite3"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql").create("before_tries")
    engine = make_engine(Settings(data_dir=tmp_path, database_url=SecretStr(url)))
    config = migrate._config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0008_processor_use")
    with engine.begin() as connection:
        for statement in _OLD_ROWS:
            connection.execute(text(statement))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    with engine.connect() as connection:
        runs = connection.execute(text("SELECT id, phase, outcome FROM runs ORDER BY id")).all()
        query = "SELECT run_id, phase, executor, outcome, cause FROM tries ORDER BY run_id, id"
        tries = connection.execute(text(query)).all()
    engine.dispose()
    assert [tuple(row) for row in runs] == [
        (1, "first", "fault"),
        (2, "later", "running"),
        (3, "later", "running"),
        (4, "remeasure", "finished"),
        (5, "first", "running"),
    ]
    assert [tuple(row) for row in tries] == [
        (1, "first", "a", "fault", "fork server"),
        (2, "first", "b", "finished", None),
        (2, "later", "b", "fault", "child"),
        (2, "later", "b", "fault", "worker"),
        (2, "later", "b", "running", None),
        (3, "first", "c", "finished", None),
        (4, "remeasure", "d", "finished", None),
        (5, "first", "e", "running", None),
    ]


_DETAILS = "The worker''s sandbox lost a child to SIGKILL.\nThe worker a ended in the middle of the measuring."
_OLD_ROWS = [
    "INSERT INTO users (id, login, name, role, created_at)"
    " VALUES (1, 's', 'S', 'student', '2026-01-01 00:00:00+00:00')",
    "INSERT INTO assignments (id, slug, version, digest, files, published_at)"
    " VALUES (1, 'hw13', 1, 'x', '{}', '2026-01-01 00:00:00+00:00')",
    "INSERT INTO submissions (id, user_id, assignment_id, attempt, state, revision, repair, content_key, body_digest,"
    " submitted_by_id, submitted_at, counts)"
    " VALUES ('00000000000000000000000000000001', 1, 1, 1, 'running', 0, 'suggest', 'x', 'x', 1,"
    " '2026-01-01 00:00:00+00:00', true)",
    *(
        "INSERT INTO runs (id, submission_id, number, assignment_id, grader_version, content_key, executor, outcome,"
        " stage_done, stage_total, sandbox, timings, regrade_id, fault_detail, started_at)"
        f" VALUES ({number}, '00000000000000000000000000000001', {number}, 1, '1', 'x', '{executor}', '{outcome}',"
        f" 0, 0, '{{}}', '{{}}', {regrade}, {detail}, '2026-01-01 00:00:00+00:00')"
        for number, executor, outcome, regrade, detail in [
            (1, "a", "fault", "NULL", "'the fork server died'"),
            (2, "b", "measuring", "NULL", f"'{_DETAILS}'"),
            (3, "c", "examined", "NULL", "NULL"),
            (4, "d", "finished", "'00000000000000000000000000000002'", "NULL"),
            (5, "e", "running", "NULL", "NULL"),
        ]
    ),
]


def demands(engine: Engine) -> dict[str, dict[str, bool]]:
    """By table and column, whether a row must name a value for it."""
    inspector = inspect(engine)
    return {
        table: {
            column["name"]: not column["nullable"] and column["default"] is None
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
    }
