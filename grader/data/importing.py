"""Pack the real Food-11: every image through the homework's test transform once, so that grading decodes no JPEG."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PIL import Image

from grader.data.dataset import imported_folder
from reference_models.food11.menu import CLASSES
from reference_models.pack import DamagedPack, Encoding, Pack, PackWriter
from reference_models.transform import resize_and_crop

NAME = "food11"
RESIZE, CROP = 256, 224
"""The homework's test transform: the shorter side, then the middle of so many pixels."""
TRAINING, VALIDATION, EVALUATION = "training", "validation", "evaluation"
_FILE_NAME = re.compile(r"(\d{1,4})_\d+\.jpe?g", re.IGNORECASE)
_FORMATS = ("JPEG", "PNG", "WEBP")
_CHUNK = 64
"""Images decoded ahead of the writer."""


class Reason(StrEnum):
    """Why a file was left out."""

    PLACE = "it lies in none of the folders training, validation, evaluation"
    NAME = "its name is not <label>_<number>.jpg"
    LABEL = f"its label is not one of 0 to {len(CLASSES) - 1}"
    BROKEN = "it cannot be read as an image"


@dataclass(frozen=True)
class LeftOut:
    """A file that is not in the packed set: its path below the imported folder, and why."""

    path: str
    reason: Reason


@dataclass(frozen=True)
class Imported:
    """What an import did: images a split and what it left out.

    ``unchanged``: the same files had been packed before, and nothing was written.
    """

    train: int
    hidden: int
    left_out: tuple[LeftOut, ...]
    unchanged: bool


class NothingToImport(Exception):
    """The folder holds no image that a model could be measured on."""


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    label: int


def import_food11(source: Path, data_dir: Path, told: Callable[[int, int], None]) -> Imported:
    """Pack ``source`` into ``data_dir``; ``told`` hears how many images of how many are done.

    ``source`` holds the folders ``training``, ``validation`` and ``evaluation``, or images alone. The hidden split is
    ``evaluation``, without it ``validation``, or the images alone; whatever else has labels is the train split.
    Raises `NothingToImport`, or ``OSError`` when reading or writing fails.
    """
    splits, left_out = _survey(source)
    if not splits["hidden"]:
        raise NothingToImport(f"{source} has no <label>_<number>.jpg, in evaluation, in validation or by itself")
    folder = imported_folder(data_dir, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(map(len, splits.values()))
    done, unchanged, counts = 0, True, {}
    for split, files in splits.items():

        def here(count: int, before: int = done) -> None:
            told(before + count, total)

        path = folder / f"{split}.pack"
        digest = _digest(files)
        pack = _packed(path, digest)
        if pack is None:
            unchanged = False
            _write(path, split, digest, files, here)
            pack = Pack(path)
        done += len(files)
        told(done, total)
        counts[split] = len(pack)
        left_out += [LeftOut(name, Reason.BROKEN) for name in pack.metadata["broken"]]
    return Imported(counts["train"], counts["hidden"], tuple(left_out), unchanged)


def _survey(source: Path) -> tuple[dict[str, list[_File]], list[LeftOut]]:
    """The files of each split in a fixed order, and those that belong to none."""
    folders = [name for name in (TRAINING, VALIDATION, EVALUATION) if (source / name).is_dir()]
    hidden = next((name for name in (EVALUATION, VALIDATION) if name in folders), "")
    splits: dict[str, list[_File]] = {"train": [], "hidden": []}
    left_out = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source).as_posix()
        folder = name.partition("/")[0] if folders else ""
        match = _FILE_NAME.fullmatch(path.name)
        if folders and folder not in folders:
            left_out.append(LeftOut(name, Reason.PLACE))
        elif match is None:
            left_out.append(LeftOut(name, Reason.NAME))
        elif int(match[1]) >= len(CLASSES):
            left_out.append(LeftOut(name, Reason.LABEL))
        else:
            splits["hidden" if folder == hidden else "train"].append(_File(path, name, int(match[1])))
    return splits, left_out


def _digest(files: list[_File]) -> str:
    """SHA-256 over the names and bytes of the files, and over how they are packed."""
    digest = hashlib.sha256(f"{RESIZE} {CROP}\n".encode())
    for file in files:
        digest.update(f"{hashlib.sha256(file.path.read_bytes()).hexdigest()} {file.name}\n".encode())
    return digest.hexdigest()


def _packed(path: Path, digest: str) -> Pack | None:
    """The pack that an earlier import made of the same files."""
    try:
        pack = Pack(path)
    except (FileNotFoundError, DamagedPack):
        return None
    return pack if pack.metadata.get("files") == digest else None


def _write(path: Path, split: str, digest: str, files: list[_File], told: Callable[[int], None]) -> None:
    broken: list[str] = []
    about = {"name": NAME, "split": split, "classes": list(CLASSES), "files": digest}
    with PackWriter(path, CROP, Encoding.RAW, about) as pack:
        for done, (file, pixels) in enumerate(_decoded(files), start=1):
            if pixels is None:
                broken.append(file.name)
            else:
                pack.append(pixels, file.label)
            told(done)
        pack.metadata["broken"] = broken


def _decoded(files: list[_File]) -> Iterator[tuple[_File, bytes | None]]:
    """Every file with its pixels, or with nothing when it is broken. Pillow decodes without the interpreter's lock."""
    with ThreadPoolExecutor() as threads:
        for begin in range(0, len(files), _CHUNK):
            chunk = files[begin : begin + _CHUNK]
            yield from zip(chunk, threads.map(_pixels, chunk), strict=True)


def _pixels(file: _File) -> bytes | None:
    data = file.path.read_bytes()  # outside of the try: a disk that fails is no broken image
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return resize_and_crop(image, RESIZE, CROP).tobytes()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
