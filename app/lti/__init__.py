"""LTI 1.3: launches from learning platforms, deep linking, and scores passed back to their gradebooks.

Needs the packages of the extra `assay[lti]`. Without them nothing here but the tables is imported. See `docs/lti.md`.
"""

from __future__ import annotations

from importlib.util import find_spec

MISSING = "LTI needs more packages: install `assay[lti]` in the place of `assay`"
FROM_PLATFORMS = ("/lti/login", "/lti/launch")
"""The addresses to which a platform sends the browser, from another site. They do not go by the session's cookie."""


def installed() -> bool:
    """Whether the packages of the extra are there. They are looked for, not imported."""
    return all(find_spec(package) is not None for package in ("jwt", "cryptography"))
