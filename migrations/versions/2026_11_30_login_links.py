"""Login links: tokens that open browser sessions until they expire.

Only adds a column. Code before it would take the secret of a link for a token, which admits the same person.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_login_links"
down_revision = "0010_releases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("tokens", sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Revert. Login links end: without the column they would be tokens."""
    tokens = sa.table("tokens", sa.column("link_expires_at"), sa.column("revoked_at"))
    is_open_link = sa.and_(tokens.c.link_expires_at.is_not(None), tokens.c.revoked_at.is_(None))
    op.execute(tokens.update().where(is_open_link).values(revoked_at=tokens.c.link_expires_at))
    with op.batch_alter_table("tokens") as batch:
        batch.drop_column("link_expires_at")
