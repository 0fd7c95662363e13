"""Files as answers: one way to send them, and to describe them in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

BINARY = {"type": "string", "format": "binary"}
"""The schema of a file, in forms and in answers."""
_CHUNK = 2**16


def file_answer(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that sends a file, for its ``responses``."""
    return {200: {"description": description, "content": {media_type: {"schema": BINARY}}}}


def read_and_close(file: IO[bytes]) -> Iterator[bytes]:
    """The content of a file in pieces, for an answer that outlives its route."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
