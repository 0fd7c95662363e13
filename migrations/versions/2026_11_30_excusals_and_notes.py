"""Excused students, and notes of the staff about students.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_excusals_and_notes"
down_revision = "0013_confirmed_points"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "excusals",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_excusals_user_id_users")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_excusals_by_id_users")),
        sa.PrimaryKeyConstraint("slug", "user_id", name=op.f("pk_excusals")),
    )
    op.create_table(
        "staff_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_staff_notes_user_id_users")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_staff_notes_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_notes")),
    )
    op.create_index("ix_staff_notes_slug_user_id", "staff_notes", ["slug", "user_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("staff_notes")
    op.drop_table("excusals")
