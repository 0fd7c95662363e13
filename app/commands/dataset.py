"""`assay dataset import` and `assay dataset list`."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.configuration import settings
from app.commands.failures import Refused, UnusableInput
from grader import data
from grader.data import importing
from reference_models.pack import DamagedPack

_DAMAGED_ROW = "{name}: damaged, import it again ({damaged})"
_ROW = (
    "{name}: {train} images to train on, {hidden} hidden, {classes} classes, {pixels} x {pixels} pixels, "
    "sha256 {sha256}"
)


def import_food11(folder: Path, as_json: bool) -> None:
    """Pack Food-11 and print the numbers of images and every file that was left out."""
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is not a folder")
    columns = (TextColumn("packing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("packing")
        try:
            imported = importing.import_food11(
                folder, settings().data_dir, lambda done, total: progress.update(task, completed=done, total=total)
            )
        except importing.NothingToImport as error:
            raise UnusableInput(str(error)) from error
        except OSError as error:
            raise Refused(f"the import stopped: {error}") from error
    if as_json:
        sizes = {"train": imported.train, "hidden": imported.hidden, "unchanged": imported.unchanged}
        left_out = [{"path": str(file.path), "reason": file.reason} for file in imported.skipped]
        typer.echo(json.dumps({"name": importing.NAME, **sizes, "left_out": left_out}, ensure_ascii=False, indent=2))
        return
    was = "was already packed" if imported.unchanged else "is packed"
    typer.echo(f"{importing.NAME} {was}: {imported.train} images to train on, {imported.hidden} hidden")
    if imported.skipped:
        typer.echo(f"unusable, {len(imported.skipped)} files:")
    for file in imported.skipped:
        typer.echo(f"  {file.path}: {file.reason}")


def list_all(as_json: bool) -> None:
    """Print one line a data set; the line of a damaged one says what is wrong."""
    data_dir = settings().data_dir
    rows: list[dict[str, object]] = []
    for name in data.available(data_dir):
        try:
            dataset = data.load(name, data_dir)
        except DamagedPack as error:
            rows.append({"name": name, "damaged": str(error)})
            continue
        sizes = {"train": len(dataset.train), "hidden": len(dataset.hidden), "classes": len(dataset.classes)}
        rows.append({"name": name, **sizes, "pixels": dataset.size, "sha256": dataset.digest})
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for item in rows:
        typer.echo(_DAMAGED_ROW.format(**item) if "damaged" in item else _ROW.format(**item))
