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
"""Images that are decoded ahead of the writer."""


class Reason(StrEnum):
    """Why an import skipped a file."""

    PLACE = "it lies in none of the folders training, validation, evaluation"
    NAME = "its name is not <label>_<number>.jpg"
    LABEL = f"its label is not one of 0 to {len(CLASSES) - 1}"
    BROKEN = "it cannot be read as an image"


@dataclass(frozen=True)
class SkippedFile:
    """A file that is not in the packed set: its path below the imported folder, and the reason."""

    path: str
    reason: Reason


@dataclass(frozen=True)
class ImportResult:
    """The images in each split, and the skipped files.

    ``unchanged``: an earlier import packed the same files, and nothing was written.
    """

    train: int
    hidden: int
    skipped: tuple[SkippedFile, ...]
    unchanged: bool


class NothingToImport(Exception):
    """The folder holds no image that a model could be measured on."""


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    label: int


def import_food11(source: Path, data_dir: Path, on_progress: Callable[[int, int], None]) -> ImportResult:
    """Pack ``source`` into ``data_dir``; ``on_progress`` receives the number of finished images and of all.

    ``source`` holds the folders ``training``, ``validation`` and ``evaluation``, or images alone. The hidden split is
    ``evaluation``, without it ``validation``, or the images alone; all other labelled images are the train split.
    Raises `NothingToImport`, or ``OSError`` when reading or writing fails.
    """
    splits, skipped = _survey(source)
    if not splits["hidden"]:
        raise NothingToImport(f"{source} has no <label>_<number>.jpg, in evaluation, in validation or by itself")
    folder = imported_folder(data_dir, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(map(len, splits.values()))
    done, unchanged, counts = 0, True, {}
    for split, files in splits.items():

        def report(count: int, before: int = done) -> None:
            on_progress(before + count, total)

        path = folder / f"{split}.pack"
        digest = _digest(files)
        pack = _existing_pack(path, digest)
        if pack is None:
            unchanged = False
            _write(path, split, digest, files, report)
            pack = Pack(path)
        done += len(files)
        on_progress(done, total)
        counts[split] = len(pack)
        skipped += [SkippedFile(name, Reason.BROKEN) for name in pack.metadata["broken"]]
    return ImportResult(counts["train"], counts["hidden"], tuple(skipped), unchanged)


def _survey(source: Path) -> tuple[dict[str, list[_File]], list[SkippedFile]]:
    """The files of each split in a fixed order, and the skipped ones."""
    folders = [name for name in (TRAINING, VALIDATION, EVALUATION) if (source / name).is_dir()]
    hidden = next((name for name in (EVALUATION, VALIDATION) if name in folders), "")
    splits: dict[str, list[_File]] = {"train": [], "hidden": []}
    skipped = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source).as_posix()
        folder = name.partition("/")[0] if folders else ""
        match = _FILE_NAME.fullmatch(path.name)
        if folders and folder not in folders:
            skipped.append(SkippedFile(name, Reason.PLACE))
        elif match is None:
            skipped.append(SkippedFile(name, Reason.NAME))
        elif int(match[1]) >= len(CLASSES):
            skipped.append(SkippedFile(name, Reason.LABEL))
        else:
            splits["hidden" if folder == hidden else "train"].append(_File(path, name, int(match[1])))
    return splits, skipped


def _digest(files: list[_File]) -> str:
    """SHA-256 over the names and bytes of the files and the transform."""
    digest = hashlib.sha256(f"{RESIZE} {CROP}\n".encode())
    for file in files:
        digest.update(f"{hashlib.sha256(file.path.read_bytes()).hexdigest()} {file.name}\n".encode())
    return digest.hexdigest()


def _existing_pack(path: Path, digest: str) -> Pack | None:
    """The pack of the same files that an earlier import made, if any."""
    try:
        pack = Pack(path)
    except (FileNotFoundError, DamagedPack):
        return None
    return pack if pack.metadata.get("files") == digest else None


def _write(path: Path, split: str, digest: str, files: list[_File], on_progress: Callable[[int], None]) -> None:
    broken: list[str] = []
    about = {"name": NAME, "split": split, "classes": list(CLASSES), "files": digest}
    with PackWriter(path, CROP, Encoding.RAW, about) as pack:
        for done, (file, pixels) in enumerate(_decode(files), start=1):
            if pixels is None:
                broken.append(file.name)
            else:
                pack.append(pixels, file.label)
            on_progress(done)
        pack.metadata["broken"] = broken


def _decode(files: list[_File]) -> Iterator[tuple[_File, bytes | None]]:
    """Each file with its pixels, or ``None`` if it is broken. Threads help: Pillow releases the interpreter's lock."""
    with ThreadPoolExecutor() as threads:
        for begin in range(0, len(files), _CHUNK):
            chunk = files[begin : begin + _CHUNK]
            yield from zip(chunk, threads.map(_pixels, chunk), strict=True)


def _pixels(file: _File) -> bytes | None:
    data = file.path.read_bytes()  # outside of the try: a failing disk is not a broken image
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return resize_and_crop(image, RESIZE, CROP).tobytes()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
