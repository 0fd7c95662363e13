"""Later deadlines for single students, capabilities and versions of workers, and their chores.

Only adds tables and an empty column, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_extensions_and_capabilities"
down_revision = "0003_regrade_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "extensions",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_extensions_by_id_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_extensions_user_id_users")),
        sa.PrimaryKeyConstraint("slug", "user_id", name=op.f("pk_extensions")),
    )
    op.create_table(
        "grader_versions",
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_grader_versions")),
    )
    # Every job so far has this tag, and no new process runs it: the next worker takes these jobs over.
    op.execute("INSERT INTO grader_versions (version, seen_at) VALUES ('1', '2026-11-24 00:00:00+00:00')")
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
    op.add_column("workers", sa.Column("capabilities", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("workers", "capabilities")
    op.drop_table("chores")
    op.drop_table("grader_versions")
    op.drop_table("extensions")
