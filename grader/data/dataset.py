"""A data set: a train split to distil on and a hidden split to measure on, both packs (`reference_models.pack`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_models import food11
from reference_models.pack import DamagedPack, Pack
from reference_models.transform import normalise, resize

BUILT_IN = "food11-mini"
_imported: Path | None = None
Indices = Sequence[int] | NDArray[np.int64] | slice


class NoSuchDataSet(Exception):
    """There is no data set of this name, built in or imported."""


@dataclass(frozen=True)
class Split:
    """The images of one split, decoded on request, each checked against its digest."""

    pack: Pack

    def __len__(self) -> int:
        return len(self.pack)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels ``(N,)``, from 0."""
        return self.pack.labels

    @property
    def digest(self) -> str:
        """SHA-256 over all images and labels, in hexadecimal."""
        return self.pack.digest

    def pixels(self, indices: Indices) -> NDArray[np.uint8]:
        """Images as stored ``(N, H, H, 3)``. Raises ``DamagedPack``."""
        return self.pack.pixels(indices)

    def images(self, indices: Indices, size: int) -> NDArray[np.float32]:
        """A network's input ``(N, 3, size, size)``: resized and normalised as in ImageNet. Raises ``DamagedPack``.

        The same bits every time: pixels are resized in integers.
        """
        return normalise(resize(self.pack.pixels(indices), size))

    def ready(self, size: int) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
        """As `images`, for repeated requests: decodes and resizes all images now. Raises ``DamagedPack``.

        It takes ``3 * size ** 2`` bytes of memory for each image, so it suits small sets only.
        """
        pixels = resize(self.pack.pixels(slice(None)), size)
        return lambda indices: normalise(pixels[indices])


@dataclass(frozen=True)
class DataSet:
    """A named data set of labelled images; ``size`` is the side of the stored images in pixels."""

    name: str
    train: Split
    hidden: Split

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names in label order."""
        return tuple(self.hidden.pack.metadata["classes"])

    @property
    def size(self) -> int:
        """Side of the stored images in pixels; at this size no image is resized."""
        return self.hidden.pack.size

    @property
    def digest(self) -> str:
        """SHA-256 over both splits, in hexadecimal: equal digests hold equal images in equal order."""
        return hashlib.sha256(f"{self.train.digest}\n{self.hidden.digest}\n".encode()).hexdigest()


def use(data_dir: Path) -> None:
    """Let `load` also find the sets imported into this folder; a process that grades calls it once."""
    global _imported
    _imported = data_dir


def load(name: str = BUILT_IN, data_dir: Path | None = None) -> DataSet:
    """Open a data set, built in or imported into ``data_dir`` or the folder in `use`. Nothing is decoded yet.

    Raises `NoSuchDataSet`, or ``DamagedPack`` when a pack's table is not what was written.
    """
    folder = _folders(data_dir).get(name)
    if folder is None:
        raise NoSuchDataSet(f"there is no data set {name!r}; there are {', '.join(available(data_dir))}")
    return DataSet(name, Split(Pack(folder / "train.pack")), Split(Pack(folder / "hidden.pack")))


def name_for(options: Mapping[str, Any]) -> str:
    """The data set for a question with these options."""
    return str(options.get("data", BUILT_IN))


def digest(name: str) -> str | None:
    """The digest of a data set as it is now; ``None`` where there is no such set or it is damaged."""
    try:
        return load(name).digest
    except (NoSuchDataSet, DamagedPack):
        return None


def available(data_dir: Path | None = None) -> tuple[str, ...]:
    """The names of the data sets that `load` finds, the built-in one first."""
    return tuple(_folders(data_dir))


def imported_folder(data_dir: Path, name: str) -> Path:
    """The folder with the packs of an imported set."""
    return data_dir / "datasets" / name


def _folders(data_dir: Path | None) -> dict[str, Path]:
    folders = {BUILT_IN: food11.FOLDER}
    data_dir = data_dir or _imported
    if data_dir is not None:
        packs = sorted(imported_folder(data_dir, "").glob("*/hidden.pack"))
        folders |= {path.parent.name: path.parent for path in packs if (path.parent / "train.pack").is_file()}
    return folders
