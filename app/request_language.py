"""The language of a request's reader, for endpoints."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Query

from app.language import choose


async def _language(
    lang: Annotated[str | None, Query(max_length=35, description="`en` or `zh-Hant`.")] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> str:
    return choose(lang, accept_language)


Language = Annotated[str, Depends(_language)]
