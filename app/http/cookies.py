"""The session cookie: out of reach of scripts and of other sites' forms."""

from __future__ import annotations

from fastapi import Request, Response

NAME = "assay_session"


def set_cookie(request: Request, response: Response, value: str, *, days: int) -> None:
    """Give the browser its session. Over https the cookie is never sent in the clear."""
    response.set_cookie(
        NAME,
        value,
        max_age=days * 86_400,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def clear_cookie(response: Response) -> None:
    """Take the session back from the browser."""
    response.delete_cookie(NAME, path="/", httponly=True, samesite="lax")
