"""What a run shows of evidence that is still being measured.

Adds a column with a default, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025_interim"
down_revision = "0024_second_readings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("runs", sa.Column("interim", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Revert."""
    op.drop_column("runs", "interim")
