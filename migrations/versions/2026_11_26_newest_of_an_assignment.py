"""An index for the newest submissions of an assignment.

Only adds an index, so the code before it goes on working beside it.
"""

from __future__ import annotations

from alembic import op

revision = "0006_newest_of_an_assignment"
down_revision = "0005_lti"
branch_labels = None
depends_on = None

_INDEX = "ix_submissions_assignment_id_submitted_at_id"


def upgrade() -> None:
    """Apply."""
    op.create_index(_INDEX, "submissions", ["assignment_id", "submitted_at", "id"])


def downgrade() -> None:
    """Revert."""
    op.drop_index(_INDEX, "submissions")
