"""The wheel that the image installs, built from what the Dockerfile copies: everything is in it, and nothing else."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from grader.assignment import bundled, bundled_slugs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built in a folder that holds what the first stage of the image holds."""
    root = tmp_path_factory.mktemp("build")
    stage = (ROOT / "Dockerfile").read_text().split("\nFROM ")[1]
    for source, target in re.findall(r"^COPY (.+) (\S+)$", stage, re.M):
        for name in source.split():
            if (ROOT / name).is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, root / target, symlinks=True, ignore=ignore)
            else:
                shutil.copy(ROOT / name, root / name)
    (built,) = WheelBuilder(str(root)).build(directory=str(root / "dist"), versions=["standard"])
    return zipfile.ZipFile(built)


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("app", "grader", "reference_models", "migrations")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == expected


def test_what_assignments_share_is_packed_for_each(wheel: zipfile.ZipFile) -> None:
    for slug in bundled_slugs():
        for name, text in bundled(slug).files.items():
            assert wheel.read(f"grader/assignments/{slug}/{name}").decode() == text


@pytest.mark.parametrize("package", ["app", "grader", "reference_models"])
def test_package_declares_its_types(wheel: zipfile.ZipFile, package: str) -> None:
    assert wheel.read(f"{package}/py.typed") == b""  # PEP 561


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "assay = app.cli:main" in wheel.read(entry_points).decode()
