"""LTI 1.3: launches from learning platforms, deep linking, and scores passed back to their gradebooks.

It needs the packages of the extra `assay[lti]`; without them only its tables are imported. See `docs/lti.md`.
"""

from __future__ import annotations

from importlib.util import find_spec

MISSING = "LTI needs more packages: install `assay[lti]` in the place of `assay`"
CROSS_SITE_PATHS = ("/lti/login", "/lti/launch")
"""Platforms send the browser to these paths from another site. They do not use the session cookie."""


def is_installed() -> bool:
    """Whether the packages of the extra are installed. This does not import them."""
    return all(find_spec(package) is not None for package in ("jwt", "cryptography"))
