"""What changed between two versions of an assignment."""

from __future__ import annotations

import difflib
from collections.abc import Mapping


def lines(older: Mapping[str, str], newer: Mapping[str, str]) -> list[str]:
    """The changes in the files, as a unified difference; a file that is no TOML or Python text shows its name only."""
    changes: list[str] = []
    for name in sorted(older.keys() | newer.keys()):
        before, after = (str(files.get(name, "")).splitlines() for files in (older, newer))
        if before == after:
            continue
        # Case files are long lists of numbers: their name alone reports a change.
        is_shown = name.endswith((".toml", ".py"))
        sides = (name if name in older else "/dev/null", name if name in newer else "/dev/null")
        changes += difflib.unified_diff(before, after, *sides, lineterm="", n=2) if is_shown else [f"@@ {name}"]
    return changes
