"""Assignments as ZIP archives: reading one that somebody uploaded, and writing a version's files.

Nothing is unpacked to a disk. What an archive may hold is bounded by bytes that were really read, not by what it says.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.assignment_check import MAIN, Fault

MOST_BYTES = 8 * 2**20
"""Of an archive, and of all its files unpacked."""
MOST_FILES = 1000
SUFFIXES = frozenset({".toml", ".py", ".json"})
"""An assignment consists of files of these kinds; see `grader.assignment.read_folder`."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_SKIPPED = frozenset({"__MACOSX", "__pycache__"})


@dataclass(frozen=True)
class Unpacked:
    """The texts of an archive by name, the names that an assignment does not use, and what is wrong."""

    texts: Mapping[str, str]
    unused: tuple[str, ...]
    faults: tuple[Fault, ...]


def read(data: bytes) -> Unpacked:
    """The files of an archive. A folder around all of them is left out of their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        return _refused(f"this is no ZIP archive that can be read ({error})")


def write(texts: Mapping[str, str], folder: str) -> bytes:
    """An archive of these files in a folder; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(texts):
            entry = zipfile.ZipInfo(f"{folder}/{name}")
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, texts[name])
    return buffer.getvalue()


def is_unusable(name: str) -> bool:
    """Whether an assignment cannot have a file of this name: of another kind, or outside its folder."""
    path = PurePosixPath(name)
    leads_out = "\\" in name or path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name
    return leads_out or _is_skipped(name) or path.suffix not in SUFFIXES or path.as_posix() != name


def _read(archive: zipfile.ZipFile) -> Unpacked:
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_skipped(entry.filename)]
    if len(entries) > MOST_FILES:
        return _refused(f"the archive has {len(entries):,} files; an assignment has at most {MOST_FILES:,}")
    if faults := tuple(_unsafe(entries)):
        return Unpacked({}, (), faults)
    prefix = _folder_around([entry.filename for entry in entries])
    texts: dict[str, str] = {}
    unused: list[str] = []
    undecodable: list[Fault] = []
    left = MOST_BYTES
    for entry in sorted(entries, key=lambda entry: entry.filename):
        name = entry.filename.removeprefix(prefix)
        if PurePosixPath(name).suffix not in SUFFIXES:
            unused.append(name)
            continue
        with archive.open(entry) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            return _refused(f"the files have more than {MOST_BYTES // 2**20} MB together")
        text = _text(name, content)
        if isinstance(text, Fault):
            undecodable.append(text)
        else:
            texts[name] = text
    return Unpacked(texts, tuple(unused), tuple(undecodable))


def _unsafe(entries: list[zipfile.ZipInfo]) -> Iterator[Fault]:
    names: set[str] = set()
    for entry in entries:
        name = entry.filename
        if "\\" in name or name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name or "\0" in name:
            yield Fault(name, None, "the name leads out of the folder; use names below it")
        elif stat.S_ISLNK(entry.external_attr >> 16):
            yield Fault(name, None, "this is a link; put the file itself into the archive (`zip -r` follows links)")
        elif entry.flag_bits & 1:
            yield Fault(name, None, "the file is encrypted; save the archive without a password")
        elif entry.compress_type not in _METHODS:
            yield Fault(name, None, "the file is packed in an unusual way; save the archive as a plain ZIP")
        elif name in names:
            yield Fault(name, None, "the archive holds this file twice")
        names.add(name)


def _is_skipped(name: str) -> bool:
    """Whether editors and systems leave files of this name behind."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part in _SKIPPED or (part.startswith(".") and part != "..") for part in parts)


def _folder_around(names: list[str]) -> str:
    """The folder that every file is in, with its slash, if the assignment's main file stands in it."""
    main = next((name for name in names if PurePosixPath(name).name == MAIN and name.count("/") <= 1), MAIN)
    prefix = main.removesuffix(MAIN)
    return prefix if all(name.startswith(prefix) for name in names) else ""


def _text(name: str, content: bytes) -> str | Fault:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Fault(name, line, "this is no UTF-8 text; save the file in UTF-8")
    if "\0" in text:
        return Fault(name, text.count("\n", 0, text.index("\0")) + 1, "the line has a NUL character; remove it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refused(what: str) -> Unpacked:
    return Unpacked({}, (), (Fault("", None, what),))
