"""The language of a request's reader, for endpoints and pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Query, Request

from app.language import choose
from app.presenting import language
from app.problems import Problem

COOKIE = "assay_language"


async def _language(
    lang: Annotated[str | None, Query(max_length=35, description="`en` or `zh-Hant`.")] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> str:
    return choose(lang, accept_language)


Language = Annotated[str, Depends(_language)]


def of_request(request: Request) -> str:
    """The language that the reader chose, or else the one that the browser prefers."""
    return choose(request.cookies.get(COOKIE), request.headers.get("accept-language"))


def complaint_of(request: Request, problem: Problem | None) -> str | None:
    """The text of a problem in the reader's language; ``None`` without a problem."""
    if problem is None:
        return None
    return language.complaint(of_request(request), problem.slug, problem.detail, problem.members)
