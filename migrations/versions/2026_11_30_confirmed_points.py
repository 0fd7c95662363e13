"""The kind of each decision on points: set by hand, or confirmed.

Adds a column with a default, so the code before it goes on working beside it. Earlier decisions count as set by hand.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_confirmed_points"
down_revision = "0012_refusal_status"
branch_labels = None
depends_on = None

_KIND = sa.Enum("by_hand", "confirmed", name="overridekind", native_enum=False, length=16)


def upgrade() -> None:
    """Apply."""
    op.add_column("overrides", sa.Column("kind", _KIND, server_default="by_hand", nullable=False))


def downgrade() -> None:
    """Revert."""
    op.drop_column("overrides", "kind")
