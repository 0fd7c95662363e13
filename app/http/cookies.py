"""The session cookie, which neither scripts nor other sites' forms can use."""

from __future__ import annotations

from fastapi import Request, Response

NAME = "assay_session"


def set_cookie(request: Request, response: Response, value: str, *, days: int) -> None:
    """Set the session cookie. On https the browser sends it over https only."""
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
    """Delete the session cookie."""
    response.delete_cookie(NAME, path="/", httponly=True, samesite="lax")
