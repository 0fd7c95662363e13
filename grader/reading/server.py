"""The fork server of the children that read uploads: light, because it imports no torch."""

from __future__ import annotations

import traceback
from typing import Any

from grader.reading import operations
from grader.sandbox import answering, forkserver
from grader.sandbox.policy import Limits


def main() -> None:
    """Run it: the supervisor starts this module's ``main`` in a process of its own."""
    forkserver.run(lambda _: operations.warm_up(), serve)


def serve(limits: Limits, role: str) -> None:
    """Answer requests in a locked child."""
    answering.answer_requests(operations.OPERATIONS, _describe)


def _describe(error: BaseException) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "memory": isinstance(error, MemoryError),
        "traceback": "".join(traceback.format_exception(error)[-8:]),
    }
