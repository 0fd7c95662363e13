"""Drafts of assignments.

Adds a table and a column with a default. The code before it would take a draft for a published version, so let no
service of an older version run beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_assignment_drafts"
down_revision = "0014_excusals_and_notes"
branch_labels = None
depends_on = None

_STATE = sa.Enum("open", "published", "discarded", name="draftstate", native_enum=False, length=16)
_TRIAL = sa.Enum("not_needed", "waiting", "done", "failed", name="trialstate", native_enum=False, length=16)


def upgrade() -> None:
    """Apply."""
    op.add_column("assignments", sa.Column("is_draft", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "assignment_drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("state", _STATE, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial_state", _TRIAL, nullable=False),
        sa.Column("trial", sa.JSON(), nullable=True),
        sa.Column("trial_failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_assignment_drafts_created_by_id_users")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["assignments.id"], name=op.f("fk_assignment_drafts_version_id_assignments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_drafts")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_assignment_drafts_slug_open",
        "assignment_drafts",
        ["slug"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def downgrade() -> None:
    """Revert. A regrade may refer to the version of a draft, so it stays, with number 0: never the newest."""
    op.drop_table("assignment_drafts")
    op.execute("UPDATE assignments SET version = 0 WHERE is_draft")
    op.drop_column("assignments", "is_draft")
