"""Outside its folder a kind of check is named only where it must be: the files that still do are counted here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from grader.checks.registry import CHECKS

ROOT = Path(__file__).parents[2]
REGISTRY = {"grader/checks/registry.py"}
STILL = {
    "app/pages/preview.py",  # reads a part as its check does
    "app/reports/replay.py",  # the tensors of a failing loss
}
"""Files that name a kind although they should not. The list may only get shorter."""
_OTHER_WORDS = {"summary"}
"""Also a name of a part, and of a function that students call."""
_ROOM = re.compile(r"grader\.checks\.(\w+)(?:\.|$)")


def kinds_named(path: Path) -> set[str]:
    """The kinds whose folder a file imports from, or with whose name it compares."""
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            named.update(_ROOM.findall(node.module))
        elif isinstance(node, ast.Compare):
            constants = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
            named.update(value for value in constants if isinstance(value, str))
    return named & CHECKS.keys() - _OTHER_WORDS


def test_files_that_name_a_kind_outside_its_folder() -> None:
    files = [path for package in ("app", "grader") for path in (ROOT / package).rglob("*.py")]
    rooms = ROOT / "grader" / "checks"
    naming = {path.relative_to(ROOT).as_posix() for path in files if rooms not in path.parents and kinds_named(path)}
    naming |= {"grader/checks/registry.py"} if kinds_named(rooms / "registry.py") else set()
    assert naming == REGISTRY | STILL
