"""Files of other projects are what their packages ship, each with its licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "app/pages/static/vendor", ROOT / "tests/browser/vendor"]


def listed(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_vendored_file_has_its_hash(folder: Path) -> None:
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name not in {"SHA256SUMS", "README.md"}
    }
    assert found == listed(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_vendored_file_has_its_licence(folder: Path) -> None:
    names = set(listed(folder))
    for name in names:
        if not name.endswith(".LICENSE"):
            assert f"{name.split('.')[0]}.LICENSE" in names
