"""Claims: which question of which submission a grader has open.

Only adds a table, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_review_claims"
down_revision = "0017_group_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "review_claims",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_review_claims_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_review_claims_user_id_users")),
        sa.PrimaryKeyConstraint("submission_id", "question", name=op.f("pk_review_claims")),
    )
    op.create_index(op.f("ix_review_claims_user_id"), "review_claims", ["user_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("review_claims")
