"""Restores torch's exporter after a test of the harness."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grader.sandbox.harness import exporter_private


@contextmanager
def restored() -> Iterator[None]:
    """Context at whose end the exporter is as it was."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in exporter_private.REPLACED:
            patch.setattr(owner, name, getattr(owner, name))
        yield
