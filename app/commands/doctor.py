"""`assay doctor`: whether this machine and its configuration can grade, and run student code safely; else what to do.

A network of ours goes the way of a student's: built, exported, audited and run in the sandbox.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands import configuration, database
from app.commands.failures import CommandError, ExitCode
from app.db import migrate
from app.queue.capabilities import memory_mb
from app.settings import Settings
from grader import grade
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from grader.scoring import Verdict

_LAYER_SENTENCES = {
    "uid": "student code runs as user {uid}, never as root",
    "no_new_privs": "student code and what it starts cannot gain privileges",
    "capabilities": "student code has no kernel capability",
    "seccomp": "student code can make the system calls that torch needs, but create no process and no socket",
    "files": "student code can read libraries only and write nowhere (Landlock ABI {landlock_abi})",
    "rlimits": "the policy limits memory, processor time, threads and output",
    "namespaces": "student code has an empty network, IPC space and host name of its own",
    "control group": "the kernel limits all memory of a submission, page cache and kernel memory included",
}
_REMEDIES = {
    "namespaces": "allow user namespaces (sysctl kernel.unprivileged_userns_clone, or the container's seccomp profile)",
}
_LOW_DISK_MB = 1024
_NETWORK = b"""import torch.nn as nn
def get_student_model():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 11))
"""


def run(as_json: bool) -> None:
    """Lock down a real child, look at the configuration, and print what was found.

    Raises `CommandError` when the floor is not met (exit code 78) or the configuration cannot work.
    """
    sandbox, console = Sandbox(), Console()
    unmet: FloorNotMet | None = None
    failure: str | None = None
    try:
        with Console(stderr=True).status("locking down a child") as status:
            sandbox.start()
            status.update("exporting and measuring a network")
            failure = _trial(sandbox)
    except FloorNotMet as error:
        unmet = error
    except InfrastructureFault as error:
        raise CommandError(f"the sandbox does not start: {error}", ExitCode.FAILED) from error
    finally:
        sandbox.close()
    settings = configuration.settings()
    report, remarks, problems = sandbox.report, _remarks(sandbox.report, settings), _problems(settings)
    problems += [] if failure is None else [failure]
    trial = None if unmet is not None else failure is None
    if as_json:
        data = {"sandbox": report, "measures_networks": trial, "remarks": remarks, "problems": problems}
        console.print_json(json.dumps(data))
    elif report:
        _show(console, report, remarks, trial)
    if unmet is not None:
        raise CommandError(str(unmet), ExitCode.FLOOR_NOT_MET) from unmet
    if problems:
        raise CommandError("; ".join(problems), ExitCode.FAILED)


def _trial(sandbox: Sandbox) -> str | None:
    """Why a network of ours could not be exported and measured, or ``None``. Raises `InfrastructureFault`."""
    report = grade({"model": _NETWORK}, "hw13", sandbox=sandbox)
    question = next(question for question in report.questions if question.number == "1.1")
    if question.verdict is Verdict.FULL:
        return None
    reason = " ".join(message.text for message in question.messages) or question.verdict.value
    return (
        f"a network of ours could not be exported and measured ({reason}); install the versions that constraints.txt "
        "pins, and see docs/new-torch.md"
    )


def _show(console: Console, report: dict[str, Any], remarks: list[str], trial: bool | None) -> None:
    can_grade = "This machine can grade: every required layer is on, and a network could be exported and measured."
    console.print(can_grade if trial else "This machine cannot grade.")
    for floor, heading in (
        (True, "Required layers"),
        (False, "Optional layers"),
    ):
        console.print(f"\n{heading}", style="bold")
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for layer in report["layers"]:
            if layer["floor"] is floor:
                holds = Text("yes", "green") if layer["on"] else Text("no", "red" if floor else "yellow")
                table.add_row(holds, layer["name"], Text(_sentence(layer, report)))
        console.print(table)
    console.print("\nThis machine", style="bold")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in _machine(report):
        table.add_row("", name, Text(value))
    console.print(table)
    for remark in remarks:
        console.print(f"\nNote: {remark}", highlight=False)


def _sentence(layer: dict[str, Any], report: dict[str, Any]) -> str:
    sentence = _LAYER_SENTENCES.get(layer["name"], "").format(**report)
    if not layer["on"]:
        remedy = _REMEDIES.get(layer["name"])
        return f"{layer['detail']}" + (f". To enable it: {remedy}" if remedy else "")
    return sentence if layer["detail"] == "ok" else f"{sentence} ({layer['detail']})"


def _machine(report: dict[str, Any]) -> list[tuple[str, str]]:
    limits = report["limits"]
    return [
        ("system", f"Linux {report['kernel']}, {report['architecture']}"),
        ("software", f"Python {report['python']}, torch {report['torch']}"),
        ("size", f"{len(os.sched_getaffinity(0))} cores, {memory_mb():,} MB of memory"),
        (
            "a submission",
            f"may use {limits['cpu_seconds']:g} s of processor time, {limits['wall_seconds']:g} s in all, "
            f"{limits['memory_mb']:,} MB, {limits['threads']} threads, {limits['output_mb']} MB of output",
        ),
    ]


def _remarks(report: dict[str, Any], settings: Settings) -> list[str]:
    """Settings that work but should be changed."""
    remarks = []
    needed = report["limits"]["memory_mb"] if report else 0
    room = max(1, memory_mb() // max(needed, 1))
    if needed and settings.workers > room:
        remarks.append(
            f"{settings.workers} gradings at once may need {settings.workers * needed:,} MB, more than this machine "
            f"has. Set ASSAY_WORKERS={room}."
        )
    folder = _existing(settings.data_dir)
    if (free := shutil.disk_usage(folder).free >> 20) < _LOW_DISK_MB:
        remarks.append(f"{folder} has only {free:,} MB left; a class of 200 needs about {_LOW_DISK_MB:,} MB.")
    return remarks


def _problems(settings: Settings) -> list[str]:
    """Errors of the configuration with their remedies. Changes nothing."""
    if settings.database_url is None or settings.database_url.get_secret_value().startswith("sqlite"):
        folder = _existing(settings.data_dir)
        below = settings.data_dir.absolute().relative_to(folder).parts
        if below and (in_the_way := folder / below[0]).exists():
            return [f"{in_the_way} is not a folder; ASSAY_DATA_DIR names the folder for the database"]
        if not os.access(folder, os.W_OK | os.X_OK):
            return [f"{folder} is not writable; ASSAY_DATA_DIR names the folder for the database"]
        if settings.database_url is None and not (settings.data_dir / "assay.sqlite3").exists():
            return []  # `assay serve` makes it
    try:
        migrate.look(settings)
    except migrate.NotMigrated as error:
        return [str(error)]
    except database.UNREACHABLE as error:
        return [f"the database is unreachable ({database.reason(error)}); ASSAY_DATABASE_URL names it"]
    return []


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
