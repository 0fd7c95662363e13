"""Deep linking: a teacher picks an assignment on the platform, and a signed answer goes back.

Deep Linking 2.0, 4.4 and 4.5.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.courses.names import FIRST
from app.language import text
from app.lti import addresses, keys, launching, login
from app.lti.messages import DEEP_LINKING, LTI, Message
from app.lti.models import Platform, Ticket
from app.lti.refusals import LaunchRefused, Reason


@dataclass(frozen=True)
class Answer:
    """The form that the browser sends: its address, and the signed answer."""

    url: str
    token: str


def ticket_content(
    platform: Platform, message: Message, course: str, browser: str, *, allow_local: bool
) -> dict[str, Any]:
    """The content of the ticket with which the choice is made. Raises `LaunchRefused`."""
    if not message.is_staff:
        raise LaunchRefused(Reason.ROLE)
    settings = message.claims.get(f"{DEEP_LINKING}deep_linking_settings")
    settings = settings if isinstance(settings, dict) else {}
    url, types = settings.get("deep_link_return_url"), settings.get("accept_types")
    if not isinstance(types, list) or "ltiResourceLink" not in types:
        raise LaunchRefused(Reason.MESSAGE, "the platform takes no links here")
    if not isinstance(url, str) or not addresses.is_registered(url, platform.hosts, allow_local=allow_local):
        raise LaunchRefused(Reason.TARGET, f"return address {str(url)[:200]}")
    data = settings.get("data")
    return {
        "url": url,
        "data": data if isinstance(data, str) else None,
        "deployment": message.deployment,
        "course": course,
        "browser": browser,
        "line_item": settings.get("accept_lineitem") is not False,
    }


def answer(session: Session, platform: Platform, ticket: Ticket, slug: str, lang: str, base: str) -> Answer:
    """The signed answer that names the assignment. Raises `LaunchRefused` or `NoKey`."""
    # A ticket of the version before courses names none.
    launching.check_assignment(session, slug, ticket.content.get("course", FIRST))
    definition = assignments.definition(assignments.current(session, slug))
    title = text(definition.title, lang)
    item: dict[str, Any] = {
        "type": "ltiResourceLink",
        "title": title,
        "url": f"{base}{login.LAUNCH}?{urlencode({'assignment': slug})}",
        "custom": {"assignment": slug},
        "window": {"targetName": "_blank"},
    }
    if ticket.content["line_item"]:
        item["lineItem"] = {
            "label": title,
            "scoreMaximum": definition.max_score,
            "resourceId": slug,
            "tag": "assay",
        }
    claims = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "nonce": secrets.token_urlsafe(16),
        f"{LTI}deployment_id": ticket.content["deployment"],
        f"{LTI}message_type": "LtiDeepLinkingResponse",
        f"{LTI}version": "1.3.0",
        f"{DEEP_LINKING}content_items": [item],
    }
    if ticket.content["data"] is not None:
        claims[f"{DEEP_LINKING}data"] = ticket.content["data"]
    return Answer(ticket.content["url"], keys.sign(session, claims))
