"""Courses of learning platforms, each linked to a course here.

Only adds. Columns of gradebooks that are stored already have no id of a context: their next launch links it to the
course of their assignment.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023_lti_contexts"
down_revision = "0022_courses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lti_contexts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("deployment", sa.String(length=255), nullable=False),
        sa.Column("context_id", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("course", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["course"], ["courses.slug"], name=op.f("fk_lti_contexts_course_courses"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platforms.id"], name=op.f("fk_lti_contexts_platform_id_lti_platforms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_contexts")),
        sa.UniqueConstraint(
            "platform_id",
            "deployment",
            "context_id",
            name=op.f("uq_lti_contexts_platform_id_deployment_context_id"),
        ),
    )
    op.add_column("lti_line_items", sa.Column("context_id", sa.String(length=255), nullable=True))
    op.add_column(
        "lti_platforms", sa.Column("instructors_link", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    """Revert. Launches of all contexts are of the first course again."""
    op.drop_column("lti_platforms", "instructors_link")
    op.drop_column("lti_line_items", "context_id")
    op.drop_table("lti_contexts")
