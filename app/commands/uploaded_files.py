"""The parts of a submission among files that a student uploaded somewhere else, by name and by what they define.

Ambiguous files are left out with a remark, and the rest is graded, because nobody can answer a question here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.parts import MOST_BYTES, PartDefinition, PartKind, usual_file_names
from grader.submission import Part

_SKIPPED = {"__MACOSX", "__pycache__"}
_MOST_FILES = 2000


def collect(assignment: Assignment, folder: Path) -> tuple[dict[str, Part], list[str]]:
    """The parts of the assignment, and a sentence about everything that could not be taken."""
    files = _files(folder)
    usual_names = usual_file_names(assignment.parts)
    parts: dict[str, Part] = {}
    remarks = []
    for definition in assignment.parts:
        name, limit = definition.name, definition.limit
        candidates = _candidates(definition, usual_names[name], _entries(assignment, name), files)
        if len(candidates) > 1:
            names = ", ".join(file.relative_to(folder).as_posix() for file in candidates)
            remarks.append(f"Several files could be the {name} ({names}); keep one of them and submit again.")
        elif candidates:
            file = candidates[0]
            path = file.relative_to(folder).as_posix()
            size = file.stat().st_size
            if size > limit:
                remarks.append(f"{path} has {size:,} bytes; the {name} may have {limit:,}. It was skipped.")
                continue
            part = Part(file.read_bytes(), path)
            problem = _problem(definition, part.data)
            if problem is None:
                parts[name] = part
            else:
                remarks.append(f"{path}{problem}")
    if not parts and not remarks:
        usual = ", ".join(patterns[0] for patterns in usual_names.values())
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


def _problem(definition: PartDefinition, data: bytes) -> str | None:
    """What makes a file unusable as this part, as the rest of a sentence that begins with its path."""
    if not data.strip():
        return " is empty."
    if definition.kind is PartKind.ANSWERS:
        try:
            read_answers(data)
        except AnswersError as error:
            return f": {error}"
    return None


def _entries(assignment: Assignment, part: str) -> tuple[bytes, ...]:
    """The functions and classes that questions call in this part."""
    return tuple(
        question.entry.encode() for question in assignment.questions if question.entry and part in question.parts
    )


def _candidates(
    definition: PartDefinition, patterns: Sequence[str], entries: Sequence[bytes], files: Sequence[Path]
) -> list[Path]:
    """The most telling files for a part: one when there is no doubt, none when nothing fits."""
    for pattern in patterns:
        matching = [file for file in files if fnmatch(file.name.lower(), pattern)]
        if entries and len(matching) > 1:
            matching = [file for file in matching if _holds(file, entries, definition.limit)] or matching
        if matching:
            return _nearest(matching)
    for suffix in definition.suffixes if definition.is_text else ():
        matching = [file for file in files if file.name.lower().endswith(suffix)]
        if entries:
            matching = [file for file in matching if _holds(file, entries, definition.limit)]
        if matching:
            return _nearest(matching)
    return []


def _nearest(files: Sequence[Path]) -> list[Path]:
    """Those nearest to the top; one of them when all hold the same."""
    nearest = [file for file in files if len(file.parts) == len(files[0].parts)]
    if len(nearest) > 1 and len({file.stat().st_size for file in nearest}) == 1:
        same = {file.read_bytes() for file in nearest if file.stat().st_size <= MOST_BYTES}
        return nearest[:1] if len(same) == 1 else nearest
    return nearest


def _holds(file: Path, entries: Sequence[bytes], limit: int) -> bool:
    """Whether a file of at most ``limit`` bytes names one of the entry points."""
    if file.stat().st_size > limit:
        return False
    data = file.read_bytes()
    return any(entry in data for entry in entries)
