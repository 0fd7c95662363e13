"""Tries of runs, and the phase of each run.

Adds a table and a column with a default. Every former try becomes a row: the runs of first stages and of regrades, and
for the later stage each line of `fault_detail`. Only unfinished runs change: a run that waited for its later stage, or
was at it, runs on in that phase, so drain the workers before this migration.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_tries"
down_revision = "0008_processor_use"
branch_labels = None
depends_on = None

_PHASE = sa.Enum("first", "later", "remeasure", name="phase", native_enum=False, length=16)
_OUTCOME = sa.Enum(
    "running", "finished", "cancelled", "interrupted", "fault", name="runoutcome", native_enum=False, length=16
)
_CAUSE = sa.Enum(
    "worker",
    "database",
    "fork server",
    "child",
    "infrastructure",
    "grader",
    name="cause",
    native_enum=False,
    length=16,
)
_RUNS = sa.table(
    "runs",
    *(
        sa.column(name)
        for name in ("id", "regrade_id", "phase", "outcome", "executor", "fault_detail", "started_at", "finished_at")
    ),
)
_TRIES = sa.table(
    "tries",
    *(
        sa.column(name)
        for name in ("run_id", "phase", "executor", "outcome", "cause", "detail", "started_at", "finished_at")
    ),
)
_IN_LATER_STAGE = ("examined", "measuring")


def _cause(detail: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The cause of a fault by how its detail began."""
    beginnings = {
        "The worker's sandbox": "child",
        "The worker": "worker",
        "the fork server ": "fork server",
        "The database ": "database",
    }
    return sa.case(
        *((detail.startswith(text, autoescape=True), cause) for text, cause in beginnings.items()),
        else_="infrastructure",
    )


def upgrade() -> None:
    """Apply."""
    op.add_column("runs", sa.Column("phase", _PHASE, server_default="first", nullable=False))
    op.create_table(
        "tries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("phase", _PHASE, nullable=False),
        sa.Column("executor", sa.String(length=80), nullable=False),
        sa.Column("outcome", _OUTCOME, nullable=False),
        sa.Column("cause", _CAUSE, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_tries_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tries")),
    )
    _map_runs()
    op.create_index("ix_tries_run_id", "tries", ["run_id"])
    is_running = sa.text("outcome = 'running'")
    op.create_index(
        "uq_tries_run_id_running",
        "tries",
        ["run_id"],
        unique=True,
        sqlite_where=is_running,
        postgresql_where=is_running,
    )


def _map_runs() -> None:
    run = _RUNS.c
    op.execute(sa.update(_RUNS).where(run.regrade_id.is_not(None)).values(phase="remeasure"))
    in_later_stage = run.outcome.in_(_IN_LATER_STAGE)
    is_fault = run.outcome == "fault"
    columns = [column.name for column in _TRIES.c]
    whole = sa.select(
        run.id,
        run.phase,
        run.executor,
        sa.case((in_later_stage, "finished"), else_=run.outcome),
        sa.case((is_fault, _cause(run.fault_detail)), else_=None),
        sa.case((is_fault, run.fault_detail), else_=None),
        run.started_at,
        run.finished_at,
    )
    op.execute(sa.insert(_TRIES).from_select(columns, whole))
    connection = op.get_bind()
    later = connection.execute(
        sa.select(run.id, run.executor, run.outcome, run.fault_detail, run.started_at, run.finished_at).where(
            sa.or_(in_later_stage, sa.and_(run.fault_detail.is_not(None), run.outcome != "fault"))
        )
    ).all()
    for row in later:
        values = {"run_id": row.id, "phase": "later", "executor": row.executor, "started_at": row.started_at}
        for detail in (row.fault_detail or "").splitlines():
            cause = connection.scalar(sa.select(_cause(sa.literal(detail))))
            fault = {"outcome": "fault", "cause": cause, "detail": detail, "finished_at": row.started_at}
            op.execute(sa.insert(_TRIES).values(**values, **fault))
        if row.outcome == "measuring":
            op.execute(sa.insert(_TRIES).values(**values, outcome="running"))
    op.execute(sa.update(_RUNS).where(in_later_stage).values(phase="later", outcome="running"))


def downgrade() -> None:
    """Revert. A run in its later stage waits for a worker again."""
    op.execute(
        sa.update(_RUNS).where(_RUNS.c.phase == "later", _RUNS.c.outcome == "running").values(outcome="examined")
    )
    op.drop_table("tries")
    op.drop_column("runs", "phase")
