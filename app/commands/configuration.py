"""The service's settings as the commands read them, or one line that says what is wrong."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from app.commands.failures import UnusableInput
from app.settings import Settings


def settings(**given: Any) -> Settings:
    """The settings from the environment; what is ``given`` and not ``None`` outranks it. Raises `UnusableInput`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = (f"ASSAY_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise UnusableInput("; ".join(faults)) from error
