"""Imports the tables of every room, so that the metadata is complete."""

from __future__ import annotations

from app.assignments import models as assignments
from app.audit import models as audit
from app.auth import models as auth
from app.courses import models as courses
from app.db.base import Base
from app.drafts import models as drafts
from app.lti import models as lti
from app.queue import models as jobs
from app.regrade_requests import models as regrade_requests
from app.regrades import models as regrades
from app.scores import models as scores
from app.scores.claims import models as claims
from app.scores.comments import models as comments
from app.scores.groups import models as groups
from app.scores.releases import models as releases
from app.scores.review_items import models as review_items
from app.scores.review_key import models as review_key
from app.scores.second_readings import models as second_readings
from app.submissions import models as submissions
from app.submissions.excusals import models as excusals
from app.submissions.extensions import models as extensions
from app.submissions.processor_use import models as processor_use
from app.submissions.staff_notes import models as staff_notes
from app.users import models as users

__all__ = [
    "assignments",
    "audit",
    "auth",
    "claims",
    "comments",
    "courses",
    "drafts",
    "excusals",
    "extensions",
    "groups",
    "jobs",
    "lti",
    "metadata",
    "processor_use",
    "regrade_requests",
    "regrades",
    "releases",
    "review_items",
    "review_key",
    "scores",
    "second_readings",
    "staff_notes",
    "submissions",
    "users",
]

metadata = Base.metadata
