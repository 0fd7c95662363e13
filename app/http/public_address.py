"""The address under which browsers reach the service."""

from __future__ import annotations

from fastapi import Request

from app.settings import Settings


def public_address(request: Request) -> str:
    """The address from the settings, or else that of the request; without a slash at its end."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or str(request.base_url)).rstrip("/")
