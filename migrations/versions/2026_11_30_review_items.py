"""Review items, the decisions that have them, and their changes.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_review_items"
down_revision = "0019_registration_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "review_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("deduction", sa.Double(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_items")),
        sa.UniqueConstraint("slug", "question", "key", name=op.f("uq_review_items_slug_question_key")),
    )
    op.create_table(
        "given_items",
        sa.Column("override_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["override_id"], ["overrides.id"], name=op.f("fk_given_items_override_id_overrides")),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"], name=op.f("fk_given_items_item_id_review_items")),
        sa.PrimaryKeyConstraint("override_id", "item_id", name=op.f("pk_given_items")),
    )
    op.create_index("ix_given_items_item_id", "given_items", ["item_id"])
    op.create_table(
        "review_item_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("effects", sa.JSON(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["review_items.id"], name=op.f("fk_review_item_changes_item_id_review_items")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_review_item_changes_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item_changes")),
    )
    op.create_index("ix_review_item_changes_item_id", "review_item_changes", ["item_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("review_item_changes")
    op.drop_table("given_items")
    op.drop_table("review_items")
