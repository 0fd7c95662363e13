"""The page on the architecture has a line for each room, in the order that the import contract holds."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def _rows(heading: str) -> list[list[str]]:
    """The rooms that the table under a heading names, row by row."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [[name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([^`]+)`", cell)] for cell in first_cells]


def test_rooms_of_the_service_stand_in_the_order_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    order = [name.strip() for layer in layers for name in layer.split("|")]
    assert sorted(name for row in _rows("The rooms of the service") for name in row) == sorted(order)
    position = {name: index for index, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    rows = [[position[name] for name in row] for row in _rows("The rooms of the service")]
    assert all(max(upper) < min(lower) for upper, lower in itertools.pairwise(rows))


def test_each_room_of_the_engine_has_a_line() -> None:
    rooms = {path.name for path in (ROOT / "grader").iterdir() if path.is_dir() and any(path.iterdir())} - {
        "__pycache__"
    }
    assert {name for row in _rows("The rooms of the engine") for name in row} == rooms
