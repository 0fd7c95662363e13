"""`assay doctor`: what this machine offers for running student code, layer by layer."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands.failures import CommandError, ExitCode
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox


def run() -> None:
    """Lock down a real child and print what held. Raises `CommandError` when the floor is not met."""
    sandbox = Sandbox()
    console = Console()
    try:
        with Console(stderr=True).status("locking down a child"):
            sandbox.start()
        console.print("This machine can grade: every layer of the floor holds.")
    except FloorNotMet as error:
        raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
    except InfrastructureFault as error:
        raise CommandError(f"the sandbox does not start: {error}", ExitCode.FAILED) from error
    finally:
        if sandbox.report:
            _show(console, sandbox)
        sandbox.close()


def _show(console: Console, sandbox: Sandbox) -> None:
    table = Table("layer", "holds", "needed", "seen", box=None, pad_edge=False, header_style="bold")
    for layer in sandbox.report["layers"]:
        holds = Text("yes", "green") if layer["on"] else Text("no", "red" if layer["floor"] else "yellow")
        table.add_row(layer["name"], holds, "yes" if layer["floor"] else "extra", Text(str(layer["detail"])))
    console.print(table)
    facts = ("kernel", "architecture", "landlock_abi", "python", "torch", "uid")
    console.print(", ".join(f"{name} {sandbox.report[name]}" for name in facts), style="dim")
