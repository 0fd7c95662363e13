"""Leaving root: directories that are closed to other users, and free ids."""

from __future__ import annotations

import pwd
from pathlib import Path

from grader.sandbox import mounts


def test_the_topmost_closed_directory_is_found(tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:  # pytest's own are closed to others
        folder.chmod(0o755)
    inner = tmp_path / "home" / "someone" / "venv"
    inner.mkdir(parents=True)
    assert mounts.closed_ancestor(inner) is None
    (tmp_path / "home" / "someone").chmod(0o700)
    assert mounts.closed_ancestor(inner) == tmp_path / "home" / "someone"
    (tmp_path / "home").chmod(0o750)
    assert mounts.closed_ancestor(inner) == tmp_path / "home"
    assert mounts.closed_ancestor(tmp_path) is None


def test_nothing_is_covered_where_nothing_is_closed() -> None:
    assert mounts.expose([Path("/usr/lib")]) == []


def test_a_free_id_belongs_to_no_user() -> None:
    used = {entry.pw_uid for entry in pwd.getpwall()}
    first = min(used)
    assert mounts.free_uid(first) not in used
    assert mounts.free_uid(61184) >= 61184
