"""Finds the parts of a submission among the files and folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from app.commands.failures import UnusableInput
from grader.submission import Part

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "model": ("model.py", "*student*.py", "*model*.py", "*.ipynb"),
    "loss": ("loss.py", "*loss*.py", "*kd*.py"),
    "summary": ("summary.txt", "*summary*.txt"),
    "answers": ("answers.json",),
    "pruning_plot": ("*.png", "*.jpg", "*.jpeg"),
    "pruning_points": ("points.csv", "*.csv"),
    "weights": ("*.safetensors", "*.pt", "*.pth"),
}
"""File names by part, the most telling first: a folder's part is the first pattern that matches anything."""

_BY_SUFFIX = {".py": "model", ".txt": "summary", ".json": "answers"}
"""The part of a file that was named outright, when its name says nothing more."""

_OPTIONS = {"pruning_plot": "--plot", "pruning_points": "--points"}


def option(part: str) -> str:
    """The command-line option that names this part."""
    return _OPTIONS.get(part, f"--{part}")


def collect(paths: Iterable[Path], options: Mapping[str, Path | None]) -> dict[str, Part]:
    """The parts in the order of the contract. What an option names outranks what was found by its usual name.

    Raises `UnusableInput` for a missing file, a file that is no known part, two candidates for one part, or nothing but
    empty files.
    """
    by_option = {part: path for part, path in options.items() if path is not None}
    by_name: dict[str, Path] = {}
    for path in paths:
        for part, file in _locate(path, skip=by_option.keys()).items():
            if part in by_name:
                raise UnusableInput(
                    f"{by_name[part]} and {file} both look like the {part}; name one with {option(part)}"
                )
            by_name[part] = file
    files = by_name | by_option
    if not files:
        raise UnusableInput("nothing to submit: name a folder with model.py, or give --model FILE")
    read = {part: _read(files[part]) for part in USUAL_NAMES if part in files}
    if not any(part.data.strip() for part in read.values()):
        raise UnusableInput("nothing to submit: every file is empty")
    return read


def _locate(path: Path, skip: Iterable[str]) -> dict[str, Path]:
    if path.is_dir():
        return _locate_in_folder(path, skip)
    if not path.exists():
        raise UnusableInput(f"{path} does not exist")
    return {_part_of(path): path}


def _locate_in_folder(folder: Path, skip: Iterable[str]) -> dict[str, Path]:
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    parts = {}
    for part in USUAL_NAMES.keys() - set(skip):
        for pattern in USUAL_NAMES[part]:
            matching = [file for file in files if fnmatch(file.name.lower(), pattern)]
            if len(matching) > 1:
                names = ", ".join(file.name for file in matching)
                raise UnusableInput(f"{folder} has several files for the {part} ({names}); choose with {option(part)}")
            if matching:
                parts[part] = matching[0]
                break
    if not parts:
        raise UnusableInput(f"{folder} has no file with a usual name, such as model.py, loss.py or summary.txt")
    return parts


def _part_of(file: Path) -> str:
    name = file.name.lower()
    for part, patterns in USUAL_NAMES.items():
        if any(fnmatch(name, pattern) for pattern in patterns):
            return part
    if file.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[file.suffix.lower()]
    raise UnusableInput(f"{file} is not a part of a submission; see `assay grade --help`")


def _read(file: Path) -> Part:
    try:
        return Part(file.read_bytes(), file.name)
    except OSError as error:
        raise UnusableInput(f"cannot read {file}: {error.strerror}") from error
