"""Regrade requests: a student's reason to review a question, and the answer.

And an index from which a class answers whether anything of it changed. Only adds, so the code before it goes on
working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_regrade_requests"
down_revision = "0002_regrades"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "regrade_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("points_before", sa.Double(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("points_after", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["users.id"], name=op.f("fk_regrade_requests_answered_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_regrade_requests_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regrade_requests")),
    )
    op.create_index("ix_regrade_requests_submission_id", "regrade_requests", ["submission_id"], unique=False)
    op.create_index("ix_regrade_requests_state_asked_at", "regrade_requests", ["state", "asked_at"], unique=False)
    opened = sa.text("state = 'open'")
    op.create_index(
        "uq_regrade_requests_open",
        "regrade_requests",
        ["submission_id", "question"],
        unique=True,
        sqlite_where=opened,
        postgresql_where=opened,
    )
    op.create_index("ix_submissions_assignment_id_revision", "submissions", ["assignment_id", "revision"], unique=False)


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_submissions_assignment_id_revision", "submissions")
    op.drop_table("regrade_requests")
