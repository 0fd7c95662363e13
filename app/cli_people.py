"""`assay users` and `assay tokens`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands import options

users = typer.Typer(name="users", help="The people of a course.", no_args_is_help=True)
tokens = typer.Typer(name="tokens", help="Tokens and login links, with which people log in.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Whose.")]


@users.command(
    "import",
    epilog="Examples:\n\n- `assay users import roster.csv --preview`\n\n"
    "- `assay users import roster.csv`, with the header `login,name,role,student_id,section`, or exported from Canvas "
    "or Gradescope\n\n"
    "- `assay users import roster.csv --drop-missing`, if everybody is in it\n\n" + options.EXIT_CODES,
)
def users_import(
    roster: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show the changes without making them.")] = False,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Mark the students who are not in the roster as dropped.")
    ] = False,
    course: options.Course = "main",
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Add the people of a roster, all rows or none; people who exist already are updated."""
    from app.commands import people

    people.import_roster(roster, preview, drop_missing, course, as_json)


@tokens.command("create", epilog="Example: `assay tokens create b10901001`\n\n" + options.EXIT_CODES)
def tokens_create(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Whose token.")], as_json: options.ResultAsJson = False
) -> None:
    """Create a token and print it. It cannot be shown again."""
    from app.commands import tokens as command

    command.create(login, as_json)


@tokens.command(
    "links",
    epilog="Examples:\n\n- `assay tokens links > links.csv`\n\n- `assay tokens links b10901001 --days 2`\n\n"
    "- `assay tokens links --course ml27 --role ta`\n\n" + options.EXIT_CODES,
)
def tokens_links(
    logins: Annotated[
        list[str] | None, typer.Argument(metavar="LOGIN...", help="Whose; else everybody with the role.")
    ] = None,
    role: options.RoleName = "student",
    course: options.Course = "main",
    days: Annotated[int, typer.Option(min=1, max=180, help="Days for which the links are valid.")] = 14,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where browsers reach the service.")] = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Create login links and print them as CSV with names, to send them to people. They cannot be shown again."""
    from app.commands import tokens as command

    command.create_links(logins or (), role, course, days, url, as_json)


@tokens.command("list", epilog="Example: `assay tokens list b10901001`\n\n" + options.EXIT_CODES)
def tokens_list(login: Login, as_json: options.ResultAsJson = False) -> None:
    """List the tokens and login links of a person. Only their beginnings are stored."""
    from app.commands import tokens as command

    command.list_tokens(login, as_json)


@tokens.command(
    "revoke",
    epilog="Examples:\n\n- `assay tokens revoke 17`\n\n- `assay tokens revoke --links`\n\n" + options.EXIT_CODES,
)
def tokens_revoke(
    token_ids: Annotated[
        list[int] | None, typer.Argument(metavar="NUMBER...", help="From `assay tokens list`.")
    ] = None,
    links: Annotated[bool, typer.Option("--links", help="Every login link of everybody.")] = False,
    as_json: options.ResultAsJson = False,
) -> None:
    """Revoke tokens or login links, and end the browser sessions that they opened."""
    from app.commands import tokens as command

    command.revoke(token_ids or (), links, as_json)


@users.command(
    "list", epilog="Examples:\n\n- `assay users list`\n\n- `assay users list --role ta --json`\n\n" + options.EXIT_CODES
)
def users_list(
    role: options.RoleOrAll = None,
    course: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The people of this course, with sections and who dropped it.")
    ] = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """List the people, in order of their logins."""
    from app.commands import people

    people.list_people(role, course, as_json)


@users.command("add", epilog="Example: `assay users add ta2 'Wen Wu' --role ta`\n\n" + options.EXIT_CODES)
def users_add(
    login: Login,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that people read.")],
    role: options.RoleName = "student",
    student_id: options.StudentId = None,
    section: options.Section = None,
    course: options.Course = "main",
    as_json: options.ResultAsJson = False,
) -> None:
    """Add a person and print `login,token`. The token cannot be shown again."""
    from app.commands import people

    people.add(login, name, role, student_id, section, course, as_json)


@users.command(
    "enrol",
    epilog="Examples:\n\n- `assay users enrol b10901001 --section B`\n\n"
    "- `assay users enrol b10901001 --course ml27 --role ta`\n\n" + options.EXIT_CODES,
)
def users_enrol(
    login: Login,
    role: options.EnrolmentRole = None,
    section: options.Section = None,
    course: options.Course = "main",
    as_json: options.ResultAsJson = False,
) -> None:
    """Give somebody who has an account a role and a section in a class. Who dropped it is back."""
    from app.commands import people

    people.enrol(login, course, role, section, as_json)


@users.command("drop", epilog="Example: `assay users drop b10901001`\n\n" + options.EXIT_CODES)
def users_drop(
    logins: Annotated[list[str], typer.Argument(metavar="LOGIN...", help="Who left.")],
    course: options.Course = "main",
    as_json: options.ResultAsJson = False,
) -> None:
    """Mark people who left: they read nothing of the class any more, statistics leave them out, their work stays."""
    from app.commands import people

    people.drop(logins, course, as_json)


@users.command("edit", epilog="Example: `assay users edit ta2 --role admin`\n\n" + options.EXIT_CODES)
def users_edit(
    login: Login,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    role: options.RoleOrAll = None,
    student_id: options.StudentId = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Change a person's name, role or student number. A change of role holds from the next request on.

    Where there are several courses, the role is that of an admin or in the first course: `assay users enrol` gives one
    in another.
    """
    from app.commands import people

    people.edit(login, name, role, student_id, as_json)
