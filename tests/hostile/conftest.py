"""The fixtures that build a real service, for attacks that come over HTTP."""

from __future__ import annotations

from tests.integration.conftest import make_settings, migrated_sqlite

__all__ = ["make_settings", "migrated_sqlite"]
