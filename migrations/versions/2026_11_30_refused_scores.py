"""Refusals of a score, and pauses of a gradebook's column.

Only adds columns with defaults, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_refused_scores"
down_revision = "0006_newest_of_an_assignment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("lti_line_items", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("lti_line_items", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("lti_line_items", sa.Column("trouble", sa.Text(), nullable=True))
    op.add_column("lti_passbacks", sa.Column("refusals", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Revert."""
    op.drop_column("lti_passbacks", "refusals")
    op.drop_column("lti_line_items", "trouble")
    op.drop_column("lti_line_items", "paused_until")
    op.drop_column("lti_line_items", "failures")
