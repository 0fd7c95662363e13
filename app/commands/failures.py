"""Errors of commands: each ends in one line on stderr and an exit code."""

from __future__ import annotations

import os
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of commands."""

    DONE = 0
    FAILED = 1
    """The service said no or could not be reached, or something on our side broke."""
    UNUSABLE_INPUT = 2
    FLOOR_NOT_MET = os.EX_CONFIG
    """This machine cannot run student code safely: 78."""


class CommandError(Exception):
    """Something the person at the shell can put right; the message is the line they read."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UnusableInput(CommandError):
    """The command line, a file or a setting cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.UNUSABLE_INPUT)


class Refused(CommandError):
    """The service or the database refused, or is unreachable."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.FAILED)
