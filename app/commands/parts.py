"""Finds the parts of a submission among the files and folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from app.commands.failures import UnusableInput
from grader import part_outputs
from grader.part_outputs import OutputNotFound
from grader.parts import PartDefinition, usual_file_names
from grader.submission import Part


@dataclass(frozen=True)
class Sources:
    """What a command line names: files and folders, options of parts such as ``--plot``, and pairs of ``--part``.

    ``outputs`` are the pairs of ``--use-output``.
    """

    paths: Sequence[Path] = ()
    options: Mapping[str, Path | None] = field(default_factory=dict)
    pairs: Sequence[str] = ()
    outputs: Sequence[str] = ()

    def require_existing(self) -> None:
        """Raise `UnusableInput` for the first file or folder that does not exist; no assignment is needed for this."""
        for path in self.paths:
            if not path.exists():
                raise UnusableInput(f"{path} does not exist")


def _named(definitions: Sequence[PartDefinition], sources: Sources) -> dict[str, Path]:
    """The files that options name, by part. Raises `UnusableInput` for a part that the assignment does not have."""
    files = {part.name: path for part in definitions if (path := sources.options.get(part.option or part.name))}
    unused = {option for option, path in sources.options.items() if path} - {p.option or p.name for p in definitions}
    pairs = {name: Path(file) for name, file in _pairs("--part", "FILE", sources.pairs).items()}
    unknown = sorted(unused | pairs.keys() - {part.name for part in definitions})
    if unknown:
        names = ", ".join(part.name for part in definitions)
        raise UnusableInput(f"the assignment has no part {unknown[0]}; its parts are {names}")
    return files | pairs


def _pairs(option: str, what: str, pairs: Iterable[str]) -> dict[str, str]:
    """The values of options such as ``--part NAME=FILE``. Raises `UnusableInput` for another form or a name twice."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise UnusableInput(f"{option} {pair}: write {option} NAME={what}")
        if name in values:
            raise UnusableInput(f"{option} {name} is given twice")
        values[name] = value
    return values


def collect(definitions: Sequence[PartDefinition], sources: Sources) -> dict[str, Part]:
    """The parts in the order of the assignment. What an option names outranks what was found by its usual name.

    Raises `UnusableInput` for a missing file, a file that is no known part, two candidates for one part, nothing but
    empty files, or an output that no notebook has for its part.
    """
    sources.require_existing()
    names = [part.name for part in definitions]
    by_option = _named(definitions, sources)
    by_name: dict[str, Path] = {}
    for path in sources.paths:
        for part, file in _locate(definitions, path, skip=by_option.keys()).items():
            if part in by_name:
                raise UnusableInput(
                    f"{by_name[part]} and {file} both look like the {part}; name one with --part {part}=FILE"
                )
            by_name[part] = file
    files = {**by_name, **by_option}
    if not files:
        raise UnusableInput(f"nothing to submit: name a folder or files, or give --part {names[0]}=FILE")
    read = {name: _read(files[name]) for name in names if name in files}
    if not any(part.data.strip() for part in read.values()):
        raise UnusableInput("nothing to submit: every file is empty")
    wanted = _pairs("--use-output", "OUTPUT", sources.outputs)
    if both := sorted(wanted.keys() & read.keys()):
        raise UnusableInput(f"--use-output {both[0]}: {files[both[0]]} is the {both[0]}; leave one of them out")
    try:
        return part_outputs.take(definitions, read, wanted)
    except OutputNotFound as error:
        raise UnusableInput(f"--use-output: {error}") from error


def output_remarks(definitions: Sequence[PartDefinition], parts: Mapping[str, Part]) -> list[str]:
    """A line for each output of a notebook that may be a part that is not submitted, with the option that takes it."""
    return [
        f"cell {finding.output.cell} of {finding.notebook_file} has an output that may be the {finding.name} "
        f"({finding.excerpt}); to use it, add --use-output {finding.name}={finding.reference}"
        for finding in part_outputs.find(definitions, parts)
    ]


def _locate(definitions: Sequence[PartDefinition], path: Path, skip: Iterable[str]) -> dict[str, Path]:
    if path.is_dir():
        return _locate_in_folder(definitions, path, set(skip))
    return {_part_of(definitions, path): path}


def _locate_in_folder(definitions: Sequence[PartDefinition], folder: Path, skip: set[str]) -> dict[str, Path]:
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    patterns = usual_file_names(definitions)
    parts = {}
    for part in patterns.keys() - skip:
        for pattern in patterns[part]:
            matching = [file for file in files if fnmatch(file.name.lower(), pattern)]
            if len(matching) > 1:
                several = ", ".join(file.name for file in matching)
                raise UnusableInput(
                    f"{folder} has several files for the {part} ({several}); choose with --part {part}=FILE"
                )
            if matching:
                parts[part] = matching[0]
                break
    if not parts:
        usual = ", ".join(names[0] for names in patterns.values())
        raise UnusableInput(f"{folder} has no file with a usual name, such as {usual}")
    return parts


def _part_of(definitions: Sequence[PartDefinition], file: Path) -> str:
    name = file.name.lower()
    for part, patterns in usual_file_names(definitions).items():
        if any(fnmatch(name, pattern) for pattern in patterns):
            return part
    for definition in definitions:
        if name.endswith(definition.suffixes):
            return definition.name
    raise UnusableInput(f"{file} is not a part of a submission; name it with --part NAME=FILE")


def _read(file: Path) -> Part:
    try:
        return Part(file.read_bytes(), file.name)
    except OSError as error:
        raise UnusableInput(f"cannot read {file}: {error.strerror}") from error
