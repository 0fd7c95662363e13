"""The children that the function questions of a submission share, so that right functions cost two children together.

The author's child serves every question until one of its files fails. The student's serves one function after another,
with a part of the usual limits, until one ends it. Whatever is not right there is examined again in a child of its own:
code of the student's that ran before, for another question, decides nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from grader.checks.function.author import Author
from grader.context import GradingContext
from grader.evidence import Outcome
from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.sandbox.replies import Child

SHARE = 0.25
"""Share of the time limits that all functions in the student's shared child have together."""


class SharedChildren:
    """Both children of a stage, each opened when it is first needed. Thread-safe; one function at a time."""

    def __init__(self, context: GradingContext, opened: ExitStack) -> None:
        self._context, self._opened = context, opened
        self._student: LockedChild | None = None
        self._author: Child | None = None
        self._authors: dict[str, Author] = {}
        self._source: str | None = None
        self._lock = threading.Lock()
        self._author_lock = threading.RLock()

    def author(self, folder: str) -> Author:
        """The author's files of one question, in the shared child."""
        with self._author_lock:
            if self._author is None:
                self._author = self._opened.enter_context(self._context.open_child(self._context.limits))
            if folder not in self._authors:
                prelude = self._context.assignment.prelude_source()
                self._authors[folder] = Author(self._author, prelude, folder, self._author_lock)
            return self._authors[folder]

    @contextmanager
    def student(self, source: str, name: str) -> Iterator[LockedChild | None]:
        """The student's shared child with this source loaded; ``None`` if it ended, or if the source does not load."""
        with self._lock:
            if self._student is None:
                self._student = self._opened.enter_context(self._context.open_child(_part_of(self._context.limits)))
            child = self._student
            child.clear_output()
            if source != self._source:
                self._source = None
                if child.request("load", self._context.load_request(source, name)).outcome is Outcome.OK:
                    self._source = source
            yield child if self._source == source else None


@contextmanager
def own_author(context: GradingContext, folder: str) -> Iterator[Callable[[], Author]]:
    """Opens a child for the author's files of one question alone when it is first asked for."""
    with ExitStack() as opened:
        authors: list[Author] = []

        def author() -> Author:
            if not authors:
                child = opened.enter_context(context.open_child(context.limits))
                authors.append(Author(child, context.assignment.prelude_source(), folder))
            return authors[0]

        yield author


def _part_of(limits: Limits) -> Limits:
    seconds = {
        "cpu_seconds": limits.cpu_seconds,
        "wall_seconds": limits.wall_seconds,
        "idle_seconds": limits.idle_seconds,
    }
    return limits.override({name: max(1, round(SHARE * value)) for name, value in seconds.items()})
