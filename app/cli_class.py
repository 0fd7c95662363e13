"""`assay extensions` and `assay regrades`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.commands import options

extensions = typer.Typer(name="extensions", help="Later deadlines of single students.", no_args_is_help=True)
regrades = typer.Typer(name="regrades", help="Previewed, reversible changes to many scores.", no_args_is_help=True)
Logins = Annotated[list[str], typer.Argument(metavar="LOGIN...", help="Whose.")]
RegradeId = Annotated[str, typer.Argument(metavar="REGRADE", help="From `assay regrades list`.")]


@extensions.command("list", epilog="Example: `assay extensions list hw13`\n\n" + options.EXIT_CODES)
def extensions_list(assignment: options.AssignmentSlug, as_json: options.ResultAsJson = False) -> None:
    """List the extensions of an assignment."""
    from app.commands import extensions as command

    command.list_all(assignment, as_json)


@extensions.command(
    "grant",
    epilog="Example: `assay extensions grant hw13 b10901001 b10901002 --until 2026-12-24T23:59+08:00 --reason ill`\n\n"
    + options.EXIT_CODES,
)
def extensions_grant(
    assignment: options.AssignmentSlug,
    logins: Logins,
    until: Annotated[str, typer.Option(metavar="TIME", help="The new deadline; without a zone it is in UTC.")],
    reason: Annotated[str, typer.Option(help="Why: for the audit log and other members of the staff.")],
    by: options.StaffLogin = "admin",
    as_json: options.ResultAsJson = False,
) -> None:
    """Give students a later deadline. Deductions for late submission are computed again at once."""
    from app.commands import extensions as command

    command.grant(assignment, logins, until, reason, by, as_json)


@extensions.command("remove", epilog="Example: `assay extensions remove hw13 b10901001`\n\n" + options.EXIT_CODES)
def extensions_remove(
    assignment: options.AssignmentSlug,
    logins: Logins,
    by: options.StaffLogin = "admin",
    as_json: options.ResultAsJson = False,
) -> None:
    """Remove extensions: the assignment's own deadline applies again. Prints those that are left."""
    from app.commands import extensions as command

    command.remove(assignment, logins, by, as_json)


@regrades.command("list", epilog="Example: `assay regrades list`\n\n" + options.EXIT_CODES)
def regrades_list(as_json: options.ResultAsJson = False) -> None:
    """List the latest regrades, newest first."""
    from app.commands import regrades as command

    command.list_all(as_json)


@regrades.command(
    "start",
    epilog="Examples:\n\n- `assay regrades start hw13`\n\n"
    "- `assay regrades start hw13 --kind remeasure --question 2.1 --where student=b10901001`\n\n" + options.EXIT_CODES,
)
def regrades_start(
    assignment: options.AssignmentSlug,
    kind: Annotated[
        Literal["rescore", "remeasure"], typer.Option(help="From stored evidence, or in the sandbox first.")
    ] = "rescore",
    question: Annotated[list[str] | None, typer.Option(help="A question's number; can be repeated.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Which submissions, as in the API; can be repeated.")
    ] = None,
    by: options.StaffLogin = "admin",
    as_json: options.ResultAsJson = False,
) -> None:
    """Start a regrade. Students see no change before it is published."""
    from app.commands import regrades as command

    command.start(assignment, kind, question or (), where or (), by, as_json)


@regrades.command(
    "show", epilog="Example: `assay regrades show 3f0c1a9e-0000-4000-8000-000000000000`\n\n" + options.EXIT_CODES
)
def regrades_show(regrade: RegradeId, as_json: options.ResultAsJson = False) -> None:
    """Show a regrade, its progress and every change that students see or would see."""
    from app.commands import regrades as command

    command.show(regrade, as_json)


@regrades.command(
    "publish", epilog="Example: `assay regrades publish 3f0c1a9e-0000-4000-8000-000000000000`\n\n" + options.EXIT_CODES
)
def regrades_publish(
    regrade: RegradeId, by: options.StaffLogin = "admin", as_json: options.ResultAsJson = False
) -> None:
    """Publish the previewed points, all at once."""
    from app.commands import regrades as command

    command.step(regrade, "publish", by, as_json)


@regrades.command(
    "revert", epilog="Example: `assay regrades revert 3f0c1a9e-0000-4000-8000-000000000000`\n\n" + options.EXIT_CODES
)
def regrades_revert(
    regrade: RegradeId, by: options.StaffLogin = "admin", as_json: options.ResultAsJson = False
) -> None:
    """Revert a published regrade: exactly the former points count again."""
    from app.commands import regrades as command

    command.step(regrade, "revert", by, as_json)


@regrades.command(
    "cancel", epilog="Example: `assay regrades cancel 3f0c1a9e-0000-4000-8000-000000000000`\n\n" + options.EXIT_CODES
)
def regrades_cancel(
    regrade: RegradeId, by: options.StaffLogin = "admin", as_json: options.ResultAsJson = False
) -> None:
    """Cancel a running regrade, or discard a preview."""
    from app.commands import regrades as command

    command.step(regrade, "cancel", by, as_json)
