"""Write ``docs/openapi.json``, the description of the HTTP API: ``python -m tests.openapi_document``."""

from __future__ import annotations

import json
from pathlib import Path

from app.main import create_app
from app.settings import Settings

DOCUMENT = Path(__file__).parents[1] / "docs/openapi.json"


def text_of_document() -> str:
    """The description as a service with default settings serves it at ``/openapi.json``."""
    return json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text_of_document(), encoding="utf-8")
