"""The points of known mistakes of a loss: the rows of an assignment, and its default for all others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

DEFAULT = "default"


def with_default(options: Mapping[str, Any], files: Mapping[str, str], most: float) -> Mapping[str, Any]:
    """The options with `DEFAULT` replaced by a row for each known mistake that is made alone and has no row.

    ``files`` are the assignment's, ``most`` the question's points. A default that cannot be applied stays as it is:
    `grader.assignment_check` says what is wrong.
    """
    rows = options.get("mistakes")
    if not isinstance(rows, dict) or DEFAULT not in rows:
        return options
    default = rows[DEFAULT]
    try:
        mistakes = json.loads(files[options["known_mistakes"]])["mistakes"]
        single = {ids[0]: default for ids in (mistake["ids"] for mistake in mistakes) if len(ids) == 1}
        if isinstance(default["points"], bool) or not 0 <= default["points"] <= most:
            return options
    except (ValueError, KeyError, TypeError):
        return options
    return {**options, "mistakes": {**single, **{name: row for name, row in rows.items() if name != DEFAULT}}}
