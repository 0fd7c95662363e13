"""Second readings of drawn reviews, and the key of draws and pseudonyms.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0024_second_readings"
down_revision = "0023_lti_contexts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    key = op.create_table(
        "review_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_key")),
    )
    op.bulk_insert(key, [{"id": 1, "key": secrets.token_hex(32)}])
    op.create_table(
        "second_readings",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_second_readings_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["first_id"], ["overrides.id"], name=op.f("fk_second_readings_first_id_overrides")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_second_readings_by_id_users")),
        sa.PrimaryKeyConstraint("submission_id", "question", name=op.f("pk_second_readings")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("second_readings")
    op.drop_table("review_key")
