"""`assay dataset import` and `assay dataset list`."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.configuration import settings
from app.commands.failures import Refused, UnusableInput
from grader import data
from grader.data import importing
from reference_models.pack import DamagedPack


def import_food11(folder: Path) -> None:
    """Pack Food-11; prints what was packed and every file that was left out."""
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is no folder")
    columns = (TextColumn("packing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("packing")
        try:
            imported = importing.import_food11(
                folder, settings().data_dir, lambda done, total: progress.update(task, completed=done, total=total)
            )
        except importing.NothingToImport as error:
            raise UnusableInput(str(error)) from error
        except OSError as error:
            raise Refused(f"the import stopped: {error}") from error
    was = "was packed already" if imported.unchanged else "is packed"
    typer.echo(f"{importing.NAME} {was}: {imported.train} images to train on, {imported.hidden} hidden")
    if imported.left_out:
        typer.echo(f"left out, {len(imported.left_out)} files:")
    for file in imported.left_out:
        typer.echo(f"  {file.path}: {file.reason}")


def list_all() -> None:
    """Print one line a data set; one whose packs are damaged is named with what is wrong."""
    data_dir = settings().data_dir
    for name in data.available(data_dir):
        try:
            found = data.load(name, data_dir)
        except DamagedPack as error:
            typer.echo(f"{name}: damaged, import it again ({error})")
            continue
        typer.echo(
            f"{name}: {len(found.train)} images to train on, {len(found.hidden)} hidden, "
            f"{len(found.classes)} classes, {found.size} x {found.size} pixels, sha256 {found.digest}"
        )
