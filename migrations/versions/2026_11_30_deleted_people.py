"""People whose data was deleted.

Adds a column without a value.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_deleted_people"
down_revision = "0015_assignment_drafts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("users", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("users", "deleted_at")
