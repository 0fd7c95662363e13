"""Files in the OpenAPI document: one way to describe them, whatever their media type."""

from __future__ import annotations

from typing import Any

BINARY = {"type": "string", "format": "binary"}
"""The schema of a file, in forms and in answers."""


def file_answer(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that sends a file, for its ``responses``."""
    return {200: {"description": description, "content": {media_type: {"schema": BINARY}}}}
