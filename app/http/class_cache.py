"""The cached classes of the application, for endpoints that read a whole class."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from app.scores.class_cache import ClassCache


async def _class_cache(request: Request) -> ClassCache:
    cache: ClassCache = request.app.state.class_cache
    return cache


Classes = Annotated[ClassCache, Depends(_class_cache)]
