"""The paths that a child may read: the policy's, the standard library, installed packages, never the project's own."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import grader
from grader.sandbox.policy import Policy

OWN_PACKAGES = {"app", "grader", "reference_models", "migrations", "tests"}


def paths(policy: Policy) -> list[str]:
    """Every path to allow. A directory that contains the project's code is replaced by its other entries."""
    libraries = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    shared = Path(sys.base_prefix, "lib").glob("*.so*")
    candidates = [*map(Path, policy.files.read), *map(Path, sorted(libraries)), *shared]
    packages = [Path(folder) for folder in site.getsitepackages() if os.path.isdir(folder)]
    return [str(path) for path in _without({*_own_folders(packages)}, packages, [*candidates, *_packages(packages)])]


def _own_folders(packages: Iterable[Path]) -> Iterator[Path]:
    root = Path(grader.__file__).resolve().parent.parent
    for folder in (root, *packages):
        yield from (folder.resolve() / name for name in OWN_PACKAGES if (folder / name).is_dir())


def _packages(folders: Iterable[Path]) -> Iterator[Path]:
    """Every installed package, without the files that tell where the project's code lies (``*.pth``)."""
    for folder in folders:
        for entry in folder.iterdir():
            if not entry.name.startswith(("assay", "_editable")) and entry.suffix != ".pth":
                yield entry


def _without(own: set[Path], folders: Iterable[Path], candidates: Iterable[Path]) -> Iterator[Path]:
    excluded = own | {folder.resolve() for folder in folders}
    for path in candidates:
        real = path.resolve()
        if real in own or any(folder in real.parents for folder in own):
            continue
        if real not in excluded and not any(real in folder.parents for folder in excluded):
            yield path
        elif real.is_dir():
            inner = [entry for entry in real.iterdir() if entry not in excluded and not entry.is_symlink()]
            yield from _without(own, folders, inner)
