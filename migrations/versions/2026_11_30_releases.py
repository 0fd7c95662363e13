"""Releases of scores by staff.

Only adds a table, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_releases"
down_revision = "0009_tries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "releases",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_releases_by_id_users")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_releases")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("releases")
