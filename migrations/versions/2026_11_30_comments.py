"""Comments of graders that change no points, and saved comments.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021_comments"
down_revision = "0020_review_items"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_comments_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_comments_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_submission_id", "comments", ["submission_id"])
    op.create_table(
        "saved_comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_saved_comments_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_comments")),
    )
    op.create_index("ix_saved_comments_slug", "saved_comments", ["slug"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("saved_comments")
    op.drop_table("comments")
