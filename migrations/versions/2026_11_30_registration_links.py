"""Links with which a learning platform registers itself.

Only adds a table, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_registration_links"
down_revision = "0018_review_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lti_registration_links",
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("staff", sa.Boolean(), nullable=False),
        sa.Column("match", sa.String(length=120), nullable=True),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("secret", name=op.f("pk_lti_registration_links")),
    )
    op.create_index("ix_lti_registration_links_expires_at", "lti_registration_links", ["expires_at"], unique=False)


def downgrade() -> None:
    """Revert."""
    op.drop_table("lti_registration_links")
