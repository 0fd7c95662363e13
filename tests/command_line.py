"""`assay` in this process: what a person reads, and the exit code."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple
from unittest import mock

import pytest

from app import cli
from grader.checks.pruning import distillation, later
from grader.sandbox.supervisor import Sandbox


class Ended(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def assay(*arguments: str, **variables: str) -> Ended:
    """Run a command with no settings but these. An exception that is no exit fails the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = {**kept, "COLUMNS": "100", "ASSAY_DATA_DIR": "/nonexistent", **variables}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["assay", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


class BorrowedSandbox:
    """Stands where a command would start a sandbox of its own, and gives it one that is warm."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __call__(self, *_: object) -> BorrowedSandbox:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def close(self) -> None:
        """Leave it to its owner."""


def borrow(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands use this sandbox."""
    for module in ("warm_sandbox", "doctor"):
        monkeypatch.setattr(f"app.commands.{module}.Sandbox", BorrowedSandbox(sandbox))


def train_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest training there is, measured on few pictures: what it teaches is not looked at."""
    monkeypatch.setattr(distillation, "MAX_STEPS", 8)
    even = later._even_indices
    monkeypatch.setattr(later, "_affordable_indices", lambda available, *_: even(available, 44))
