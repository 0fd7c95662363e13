"""LTI: keys, platforms, pending launches, linked people, and scores to pass back.

Only adds tables, so the code before it goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_lti"
down_revision = "0004_extensions_and_capabilities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lti_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("private_pem", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_lti_keys")),
    )
    op.create_table(
        "lti_platforms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("deployments", sa.JSON(), nullable=False),
        sa.Column("auth_url", sa.Text(), nullable=False),
        sa.Column("token_url", sa.Text(), nullable=False),
        sa.Column("token_audience", sa.Text(), nullable=False),
        sa.Column("jwks_url", sa.Text(), nullable=False),
        sa.Column("hosts", sa.JSON(), nullable=False),
        sa.Column("staff", sa.Boolean(), nullable=False),
        sa.Column(
            "match_field", sa.Enum("login", "student-id", name="match", native_enum=False, length=16), nullable=True
        ),
        sa.Column("match_claim", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_platforms")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_lti_platforms_issuer_client_id")),
        sa.UniqueConstraint("name", name=op.f("uq_lti_platforms_name")),
    )
    op.create_table(
        "lti_identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_lti_identities_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_lti_identities_issuer_subject")),
    )
    op.create_index(op.f("ix_lti_identities_user_id"), "lti_identities", ["user_id"], unique=False)
    op.create_table(
        "lti_line_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("context", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platforms.id"], name=op.f("fk_lti_line_items_platform_id_lti_platforms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_line_items")),
        sa.UniqueConstraint("platform_id", "url", name=op.f("uq_lti_line_items_platform_id_url")),
    )
    op.create_index(op.f("ix_lti_line_items_slug"), "lti_line_items", ["slug"], unique=False)
    op.create_table(
        "lti_logins",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platforms.id"], name=op.f("fk_lti_logins_platform_id_lti_platforms")
        ),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_lti_logins")),
    )
    op.create_index(op.f("ix_lti_logins_expires_at"), "lti_logins", ["expires_at"], unique=False)
    op.create_table(
        "lti_tickets",
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Enum("open", "pick", name="ticketkind", native_enum=False, length=16), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platforms.id"], name=op.f("fk_lti_tickets_platform_id_lti_platforms")
        ),
        sa.PrimaryKeyConstraint("ticket", name=op.f("pk_lti_tickets")),
    )
    op.create_index(op.f("ix_lti_tickets_expires_at"), "lti_tickets", ["expires_at"], unique=False)
    op.create_table(
        "lti_passbacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line_item_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum("idle", "waiting", "sent", "refused", name="delivery", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("wanted", sa.JSON(), nullable=True),
        sa.Column("sent", sa.JSON(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stamp", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["line_item_id"], ["lti_line_items.id"], name=op.f("fk_lti_passbacks_line_item_id_lti_line_items")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_lti_passbacks_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_passbacks")),
        sa.UniqueConstraint("line_item_id", "user_id", name=op.f("uq_lti_passbacks_line_item_id_user_id")),
    )
    op.create_index("ix_lti_passbacks_state_due_at", "lti_passbacks", ["state", "due_at"], unique=False)


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_lti_passbacks_state_due_at", table_name="lti_passbacks")
    op.drop_table("lti_passbacks")
    op.drop_index(op.f("ix_lti_tickets_expires_at"), table_name="lti_tickets")
    op.drop_table("lti_tickets")
    op.drop_index(op.f("ix_lti_logins_expires_at"), table_name="lti_logins")
    op.drop_table("lti_logins")
    op.drop_index(op.f("ix_lti_line_items_slug"), table_name="lti_line_items")
    op.drop_table("lti_line_items")
    op.drop_index(op.f("ix_lti_identities_user_id"), table_name="lti_identities")
    op.drop_table("lti_identities")
    op.drop_table("lti_platforms")
    op.drop_table("lti_keys")
