"""A limit on how often one person submits, also where the submission is refused or costs no attempt."""

from __future__ import annotations

from fastapi import Request

from app.auth.limits import RateLimit
from app.auth.viewer import Viewer
from app.problems import TooManyRequests

_POSTS = 120
_SECONDS = 600.0


class TooManyPosts(TooManyRequests):
    """You submitted too often in the last ten minutes."""

    slug = "too-many-posts"


class SubmitLimit:
    """The posts of each person in this process. Staff submit for others, and have no limit."""

    def __init__(self, allowed: int = _POSTS) -> None:
        self._allowed = allowed
        self._limit = RateLimit(allowed, _SECONDS)

    def check(self, viewer: Viewer) -> None:
        """Count a post. Raises `TooManyPosts`."""
        # The body, which may name the assignment, is not read yet.
        if viewer.is_staff_anywhere:
            return
        if seconds := self._limit.wait(viewer.login):
            detail = f"At most {self._allowed} submissions in ten minutes are read. Submit again in {seconds} seconds."
            raise TooManyPosts(detail, headers={"Retry-After": str(seconds)})
        self._limit.note(viewer.login)


def check(request: Request, viewer: Viewer) -> None:
    """Count a post of this viewer before its body is read. Raises `TooManyPosts`."""
    limit: SubmitLimit = request.app.state.submit_limit
    limit.check(viewer)
