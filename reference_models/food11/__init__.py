"""The built-in data: a miniature Food-11 of emoji on tables, packed beside this file."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SIZE = 64
"""Side of the stored pictures in pixels."""
