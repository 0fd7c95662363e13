"""The HTTP status of a refused score.

Only adds a column, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_refusal_status"
down_revision = "0011_login_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("lti_passbacks", sa.Column("refusal_status", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("lti_passbacks", "refusal_status")
