"""A limit on the streams and waits that one person has open in this process: each of them reads the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from app.auth.viewer import Viewer
from app.http.authentication import AnyViewer
from app.problems import TooManyRequests

STUDENT_STREAMS = 20
STAFF_STREAMS = 200
"""Staff follow the gradings of a class."""
_RETRY_SECONDS = 5


class TooManyStreams(TooManyRequests):
    """You follow too many gradings at once. Close some of them, or ask without waiting."""

    slug = "too-many-streams"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(_RETRY_SECONDS)})


class StreamLimit:
    """The open streams of each person. For the event loop alone."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()

    @contextmanager
    def hold(self, viewer: Viewer) -> Iterator[None]:
        """Count a stream while it is open. Raises `TooManyStreams`."""
        if self._open[viewer.user_id] >= (STAFF_STREAMS if viewer.is_staff else STUDENT_STREAMS):
            raise TooManyStreams
        self._open[viewer.user_id] += 1
        try:
            yield
        finally:
            self._open[viewer.user_id] -= 1
            self._open += Counter()


async def _hold_stream(request: Request, viewer: AnyViewer) -> AsyncIterator[None]:
    limit: StreamLimit = request.app.state.stream_limit
    with limit.hold(viewer):
        yield


OpenStream = Annotated[None, Depends(_hold_stream)]
"""Holds a stream of the viewer until the response has ended."""
