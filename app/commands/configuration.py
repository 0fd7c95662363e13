"""The service's settings for commands; a wrong one becomes an error of one line."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from app.commands.failures import UnusableInput
from app.settings import Settings


def settings(**overrides: Any) -> Settings:
    """The settings from the environment; ``overrides`` that are not ``None`` replace them. Raises `UnusableInput`."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        faults = (f"ASSAY_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise UnusableInput("; ".join(faults)) from error
