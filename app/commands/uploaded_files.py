"""The parts of a submission among files that a student uploaded somewhere else, by name and by what they define.

Ambiguous files are left out with a remark, and the rest is graded, because nobody can answer a question here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from app.commands.parts import USUAL_NAMES
from app.submissions.parts import SIZE_LIMITS
from grader.checks.architecture import measure as architecture
from grader.checks.choice.measure import AnswersError, read_answers
from grader.checks.kd_loss import measure as kd_loss
from grader.submission import Part

_ENTRIES: Mapping[str, bytes] = {"model": architecture.ENTRY.encode(), "loss": kd_loss.ENTRY.encode()}
_LAST_RESORT: Mapping[str, tuple[str, ...]] = {
    "model": ("*.py",),
    "loss": ("*.py", "*.ipynb"),
    "summary": ("*.txt",),
    "answers": ("*.json",),
}
_SKIPPED = {"__MACOSX", "__pycache__"}
_MOST_FILES = 2000


def collect(folder: Path) -> tuple[dict[str, Part], list[str]]:
    """The parts, and a sentence about everything that could not be taken."""
    files = _files(folder)
    parts: dict[str, Part] = {}
    remarks = []
    for name in USUAL_NAMES:
        candidates = _candidates(name, files)
        if len(candidates) > 1:
            names = ", ".join(file.relative_to(folder).as_posix() for file in candidates)
            remarks.append(f"Several files could be the {name} ({names}); keep one of them and submit again.")
        elif candidates:
            file = candidates[0]
            path = file.relative_to(folder).as_posix()
            size = file.stat().st_size
            if size > SIZE_LIMITS[name]:
                remarks.append(f"{path} has {size:,} bytes; the {name} may have {SIZE_LIMITS[name]:,}. It was skipped.")
            elif (part := Part(file.read_bytes(), path)).data.strip():
                parts[name] = part
            else:
                remarks.append(f"{path} is empty.")
    if "answers" in parts:
        try:
            read_answers(parts["answers"].data)
        except AnswersError as error:
            remarks.append(f"{parts.pop('answers').filename}: {error}")
    if not parts and not remarks:
        usual = ", ".join(patterns[0] for patterns in USUAL_NAMES.values())
        remarks.append(f"No file has the name of a part. Name the files like this: {usual}.")
    return parts, remarks


def _files(folder: Path) -> list[Path]:
    """Files below a folder, those nearest to it first. A link may lead to what is not the student's."""
    files = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        paths = (Path(root, name) for name in sorted(names) if not name.startswith("."))
        files += [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(files) > _MOST_FILES:
            break
    return sorted(files[:_MOST_FILES], key=lambda path: len(path.parts))


def _candidates(part: str, files: Sequence[Path]) -> list[Path]:
    """The most telling files for a part: one when there is no doubt, none when nothing fits."""
    entry = _ENTRIES.get(part)
    for pattern in USUAL_NAMES[part]:
        matching = [file for file in files if fnmatch(file.name.lower(), pattern)]
        if entry is not None and len(matching) > 1:
            matching = [file for file in matching if _holds(file, entry)] or matching
        if matching:
            return _nearest(matching)
    for pattern in _LAST_RESORT.get(part, ()):
        matching = [file for file in files if fnmatch(file.name.lower(), pattern)]
        if entry is not None:
            matching = [file for file in matching if _holds(file, entry)]
        if matching:
            return _nearest(matching)
    return []


def _nearest(files: Sequence[Path]) -> list[Path]:
    """Those nearest to the top; one of them when all hold the same."""
    nearest = [file for file in files if len(file.parts) == len(files[0].parts)]
    if len(nearest) > 1 and len({file.stat().st_size for file in nearest}) == 1:
        same = {file.read_bytes() for file in nearest if file.stat().st_size <= max(SIZE_LIMITS.values())}
        return nearest[:1] if len(same) == 1 else nearest
    return nearest


def _holds(file: Path, entry: bytes) -> bool:
    return file.stat().st_size <= SIZE_LIMITS["model"] and entry in file.read_bytes()
