"""Group decisions: the same points for one question of several submissions.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_group_decisions"
down_revision = "0016_deleted_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "group_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_group_decisions_by_id_users")),
        sa.ForeignKeyConstraint(["undone_by_id"], ["users.id"], name=op.f("fk_group_decisions_undone_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_decisions")),
    )
    op.create_index(op.f("ix_group_decisions_slug"), "group_decisions", ["slug"])
    op.create_table(
        "group_members",
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("override_id", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["group_decisions.id"], name=op.f("fk_group_members_decision_id_group_decisions")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_group_members_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["override_id"], ["overrides.id"], name=op.f("fk_group_members_override_id_overrides")),
        sa.PrimaryKeyConstraint("decision_id", "submission_id", name=op.f("pk_group_members")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("group_members")
    op.drop_table("group_decisions")
