"""Courses, and the enrolment of everybody in the first one with their present role.

Only adds tables. The name of an assignment says its course, and today's names are those of the first course.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0022_courses"
down_revision = "0021_comments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    courses = op.create_table(
        "courses",
        sa.Column("slug", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("term", sa.String(length=80), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_courses")),
    )
    op.create_table(
        "enrolments",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("course", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("section", sa.String(length=80), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["course"], ["courses.slug"], name=op.f("fk_enrolments_course_courses")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_enrolments_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "course", name=op.f("pk_enrolments")),
    )
    op.create_index(op.f("ix_enrolments_course"), "enrolments", ["course"])
    first = {"slug": "main", "title": "Main course", "term": "", "time_zone": "UTC", "created_at": datetime.now(UTC)}
    op.bulk_insert(courses, [first])
    op.execute(
        "INSERT INTO enrolments (user_id, course, role) SELECT id, 'main', role FROM users WHERE role <> 'admin'"
    )


def downgrade() -> None:
    """Revert. The roles of further courses are lost."""
    op.drop_table("enrolments")
    op.drop_table("courses")
