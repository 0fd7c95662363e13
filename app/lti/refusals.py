"""Why a launch is refused. Each reason has a page that says what to do next."""

from __future__ import annotations

from enum import StrEnum

from app.problems import Problem


class Reason(StrEnum):
    """The fault of a launch."""

    PLATFORM_UNKNOWN = "platform_unknown"
    PLATFORM_AMBIGUOUS = "platform_ambiguous"
    PLATFORM_ERROR = "platform_error"
    PLATFORM_AWAY = "platform_away"
    STATE = "state"
    BROWSER = "browser"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    NONCE = "nonce"
    DEPLOYMENT = "deployment"
    TARGET = "target"
    MESSAGE = "message"
    CONTEXT = "context"
    ASSIGNMENT = "assignment"
    ROLE = "role"
    STAFF_UNKNOWN = "staff_unknown"
    MATCH_MISSING = "match_missing"
    MATCH_UNUSABLE = "match_unusable"
    MATCH_PRIVILEGED = "match_privileged"
    DROPPED = "dropped"
    ARCHIVED = "archived"
    TICKET = "ticket"
    TOO_MANY = "too_many"


class LaunchRefused(Problem):
    """The launch is refused. Start it again from the learning platform."""

    status = 403
    slug = "lti-launch-refused"

    def __init__(self, reason: Reason, context: str = "") -> None:
        self.reason = reason
        self.context = context
        super().__init__(f"{reason.value}: {context}" if context else reason.value, reason=reason.value)
