"""`assay lti`: learning platforms, their courses, and the keys of this service."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands import options

lti = typer.Typer(name="lti", help="Learning platforms that launch Assay (LTI 1.3).", no_args_is_help=True)
Context = Annotated[str, typer.Argument(metavar="CONTEXT", help="The id of the platform's course.")]
Deployment = Annotated[
    str | None, typer.Option(help="The deployment, where the platform has several.", show_default=False)
]


@lti.command(
    "add",
    epilog="Example, with what the platform shows for the tool:\n\n"
    "`assay lti add moodle --issuer https://moodle.example.edu --client-id KMgJ7vE2aCbFqQh --deployment-id 3 "
    "--auth-url https://moodle.example.edu/mod/lti/auth.php --token-url https://moodle.example.edu/mod/lti/token.php "
    "--jwks-url https://moodle.example.edu/mod/lti/certs.php --match student-id=lis.person_sourcedid`\n\n"
    + options.EXIT_CODES,
)
def lti_add(
    name: options.PlatformName,
    issuer: Annotated[str, typer.Option(help="Issuer of the platform; Moodle calls it the platform id.")],
    client_id: Annotated[str, typer.Option(help="Client id of the tool at the platform.")],
    deployment_id: Annotated[list[str], typer.Option(help="Deployment of the tool; can be repeated.")],
    auth_url: Annotated[str, typer.Option(help="Authentication request address of the platform.")],
    token_url: Annotated[str, typer.Option(help="Access token address of the platform.")],
    jwks_url: Annotated[str, typer.Option(help="Public keyset address of the platform.")],
    token_audience: Annotated[
        str | None, typer.Option(help="Audience of token requests, if it is not the token address.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Further host of the platform, such as a school's own at Canvas.")
    ] = None,
    staff: Annotated[
        bool,
        typer.Option(
            "--staff/--no-staff", help="Give the platform's teachers and assistants the role of a teaching assistant."
        ),
    ] = False,
    match: Annotated[
        str | None,
        typer.Option(
            help="Match people who exist already: `login=CLAIM` or `student-id=CLAIM`, with a claim such as "
            "`lis.person_sourcedid` or `ext.user_username`."
        ),
    ] = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Register a learning platform, or update the one with this name."""
    from app.commands import lti as command

    command.add(
        name=name,
        issuer=issuer,
        client_id=client_id,
        deployments=deployment_id,
        auth_url=auth_url,
        token_url=token_url,
        jwks_url=jwks_url,
        token_audience=token_audience,
        hosts=host or [],
        staff=staff,
        match=match,
        as_json=as_json,
    )


@lti.command("list", epilog="Example: `assay lti list --json`\n\n" + options.EXIT_CODES)
def lti_list(as_json: options.ResultAsJson = False) -> None:
    """List the platforms and the keys of this service."""
    from app.commands import lti as command

    command.list_all(as_json)


@lti.command("remove", epilog="Example: `assay lti remove moodle`\n\n" + options.EXIT_CODES)
def lti_remove(name: options.PlatformName, as_json: options.ResultAsJson = False) -> None:
    """Remove a platform: its launches are refused and it gets no more scores. People and points stay."""
    from app.commands import lti as command

    command.remove(name, as_json)


@lti.command("hold", epilog="Example, before the first start of a copy: `assay lti hold`\n\n" + options.EXIT_CODES)
def lti_hold(as_json: options.ResultAsJson = False) -> None:
    """Send no score to any platform until `assay lti resume`. Launches go on. `assay restore` does this by itself."""
    from app.commands import lti as command

    command.hold(as_json)


@lti.command(
    "resume",
    epilog="Example, when the restored service takes the place of the old one: `assay lti resume`\n\n"
    + options.EXIT_CODES,
)
def lti_resume(as_json: options.ResultAsJson = False) -> None:
    """Send scores to the platforms that are on hold again, with what changed meanwhile."""
    from app.commands import lti as command

    command.resume(as_json)


@lti.command(
    "rotate",
    epilog="Example, every year: `assay lti rotate`. When a key may have leaked: add `--now`.\n\n" + options.EXIT_CODES,
)
def lti_rotate(
    at_once: Annotated[
        bool, typer.Option("--now", help="Sign with the new key at once and withdraw the former keys.")
    ] = False,
    as_json: options.ResultAsJson = False,
) -> None:
    """Create a new key. It signs after an hour; the former key stays published for a week after that."""
    from app.commands import lti as command

    command.rotate(at_once, as_json)


@lti.command("contexts", epilog="Example: `assay lti contexts moodle`\n\n" + options.EXIT_CODES)
def lti_contexts(name: options.PlatformName, as_json: options.ResultAsJson = False) -> None:
    """List the platform's courses that launched or are linked, those without a link first."""
    from app.commands import lti_contexts as command

    command.list_all(name, as_json)


@lti.command("link", epilog="Example: `assay lti link moodle 17 ml27`\n\n" + options.EXIT_CODES)
def lti_link(
    name: options.PlatformName,
    context: Context,
    course: Annotated[str, typer.Argument(metavar="COURSE", help="The short name of the course here.")],
    deployment: Deployment = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Link a course of the platform to a course here, also before its first launch."""
    from app.commands import lti_contexts as command

    command.link(name, context, course, deployment, as_json)


@lti.command("unlink", epilog="Example: `assay lti unlink moodle 17`\n\n" + options.EXIT_CODES)
def lti_unlink(
    name: options.PlatformName, context: Context, deployment: Deployment = None, as_json: options.ResultAsJson = False
) -> None:
    """Refuse further launches from a course of the platform. Its people and their scores stay."""
    from app.commands import lti_contexts as command

    command.unlink(name, context, deployment, as_json)
