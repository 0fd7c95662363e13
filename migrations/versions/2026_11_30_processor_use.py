"""Processor time of gradings by student.

Only adds a table, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_processor_use"
down_revision = "0007_refused_scores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "processor_use",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_processor_use_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_use")),
    )
    op.create_index("ix_processor_use_user_id_at", "processor_use", ["user_id", "at"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("processor_use")
