"""Regrades: the request, the submissions it covers, the changes; and the runs of each regrade.

Only adds tables and an empty column, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_regrades"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "regrades",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("condition", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("grader_version", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_regrades_created_by_id_users")),
        sa.ForeignKeyConstraint(["target_id"], ["assignments.id"], name=op.f("fk_regrades_target_id_assignments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regrades")),
    )
    opened = sa.text("state IN ('running', 'preview')")
    op.create_index(
        "uq_regrades_slug_open", "regrades", ["slug"], unique=True, sqlite_where=opened, postgresql_where=opened
    )

    op.create_table(
        "regrade_entries",
        sa.Column("regrade_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("basis", sa.String(length=64), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("before_run_id", sa.Integer(), nullable=True),
        sa.Column("before_assignment_id", sa.Integer(), nullable=True),
        sa.Column("before_state", sa.String(length=16), nullable=True),
        sa.Column("before_fault", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["regrade_id"], ["regrades.id"], name=op.f("fk_regrade_entries_regrade_id_regrades")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_regrade_entries_run_id_runs")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_regrade_entries_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("regrade_id", "submission_id", name=op.f("pk_regrade_entries")),
    )
    op.create_index("ix_regrade_entries_regrade_id_state", "regrade_entries", ["regrade_id", "state"], unique=False)
    op.create_index("ix_regrade_entries_submission_id", "regrade_entries", ["submission_id"], unique=False)

    op.create_table(
        "regrade_changes",
        sa.Column("regrade_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("old", sa.Double(), nullable=True),
        sa.Column("new", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["regrade_id"], ["regrades.id"], name=op.f("fk_regrade_changes_regrade_id_regrades")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_regrade_changes_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("regrade_id", "submission_id", "question", name=op.f("pk_regrade_changes")),
    )
    op.create_index("ix_regrade_changes_submission_id", "regrade_changes", ["submission_id"], unique=False)

    # Without a foreign key: SQLite could add one only by copying the table that evidence refers to.
    op.add_column("runs", sa.Column("regrade_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("runs", "regrade_id")
    op.drop_table("regrade_changes")
    op.drop_table("regrade_entries")
    op.drop_table("regrades")
