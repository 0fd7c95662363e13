"""`assay`: the service, its people, and grading from a shell.

Nothing heavy is imported before a command needs it: `assay --help` must be quick.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError

if TYPE_CHECKING:
    from grader.submission import SubmittedParts

app = typer.Typer(
    name="assay",
    help="Automated grading of model-compression homework.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
users = typer.Typer(name="users", help="The people of a course.", no_args_is_help=True)
tokens = typer.Typer(name="tokens", help="Tokens, with which people log in.", no_args_is_help=True)
dataset = typer.Typer(name="dataset", help="The images that models are measured on.", no_args_is_help=True)
app.add_typer(users)
app.add_typer(tokens)
assignment = typer.Typer(name="assignment", help="Assignments and their versions.", no_args_is_help=True)
audit = typer.Typer(name="audit", help="The record of who changed what.", no_args_is_help=True)
app.add_typer(assignment)
app.add_typer(audit)
app.add_typer(dataset)
lti = typer.Typer(name="lti", help="Learning platforms that launch Assay (LTI 1.3).", no_args_is_help=True)
app.add_typer(lti)


class Repair(StrEnum):
    """What to do with paste damage, such as lost underscores."""

    SUGGEST = "suggest"
    APPLY = "apply"


class Language(StrEnum):
    """The languages that reports are written in."""

    ENGLISH = "en"
    TRADITIONAL_CHINESE = "zh-Hant"


class Export(StrEnum):
    """What a class can be written as."""

    JSON_LINES = "jsonl"
    FEEDBACK = "feedback"
    SCORES = "scores"
    GRADESCOPE = "gradescope"


class Importable(StrEnum):
    """The data sets that can be imported."""

    FOOD11 = "food11"


Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="DIR-or-FILES...", help="Folders or files; the usual file names say which part each file is."
    ),
]
Model = Annotated[Path | None, typer.Option(help="Python text or notebook with `get_student_model`.")]
Loss = Annotated[Path | None, typer.Option(help="Python text with `loss_fn_kd`.")]
Summary = Annotated[Path | None, typer.Option(help="Text of torchsummary or torchinfo.")]
Answers = Annotated[Path | None, typer.Option(help='JSON object such as `{"2.2": "softer", "3.2": "no"}`.')]
Plot = Annotated[Path | None, typer.Option(help="Pruning plot, PNG or JPEG.")]
Points = Annotated[Path | None, typer.Option(help="CSV `ratio,accuracy`.")]
Weights = Annotated[Path | None, typer.Option(help="Trained weights, safetensors or state dict.")]
RepairOption = Annotated[
    Repair, typer.Option(help="`suggest` shows the repair of paste damage; `apply` grades the repaired text.")
]
Slug = Annotated[str, typer.Option("--assignment", help="The assignment's short name.")]
SlugOrFolder = Annotated[str, typer.Option("--assignment", help="The assignment's short name or its folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_EXITS = "Exit codes: 0 done, 1 refused or unreachable, 2 unusable input."
_LASTING = (
    "Runs until SIGTERM or Ctrl-C. Exit codes: 0 stopped on request, 1 could not start, 2 a setting is not "
    "valid, 78 this machine cannot run student code safely."
)
Lang = Annotated[Language, typer.Option("--lang", help="Language of the report.")]


@app.command(
    epilog="Examples:\n\n- `assay grade examples/hw13`\n\n"
    "- `assay grade --model model.py --loss loss.py --json`\n\n"
    "Exit codes: 0 graded, 2 unusable input, 78 this machine cannot run student code safely."
)
def grade(
    paths: Paths = None,
    model: Model = None,
    loss: Loss = None,
    summary: Summary = None,
    answers: Answers = None,
    plot: Plot = None,
    points: Points = None,
    weights: Weights = None,
    repair: RepairOption = Repair.SUGGEST,
    assignment: SlugOrFolder = "hw13",
    as_json: Json = False,
    language: Lang = Language.ENGLISH,
) -> None:
    """Grade a submission on this machine, without a server."""
    handin = _handin(paths, [model, loss, summary, answers, plot, points, weights], repair)
    from app.commands import grade as command

    command.run(assignment, handin, language, as_json)


@app.command(
    epilog="Examples:\n\n- `ASSAY_TOKEN=... assay submit examples/hw13`\n\n"
    "- `ASSAY_URL=https://assay.example.edu assay submit model.py loss.py`\n\n"
    "Exit codes: 0 graded, 1 refused or unreachable, 2 unusable input."
)
def submit(
    paths: Paths = None,
    model: Model = None,
    loss: Loss = None,
    summary: Summary = None,
    answers: Answers = None,
    plot: Plot = None,
    points: Points = None,
    weights: Weights = None,
    repair: RepairOption = Repair.SUGGEST,
    assignment: Slug = "hw13",
    as_json: Json = False,
    language: Lang = Language.ENGLISH,
) -> None:
    """Submit to the server at ASSAY_URL as the owner of ASSAY_TOKEN, and show the results as they arrive."""
    handin = _handin(paths, [model, loss, summary, answers, plot, points, weights], repair)
    from app.commands import submit as command

    command.run(assignment, handin, language, as_json)


def _handin(paths: list[Path] | None, named: list[Path | None], repair: Repair) -> SubmittedParts:
    from app.commands import parts
    from grader.submission import SubmittedParts

    return SubmittedParts(parts.collect(paths or [], dict(zip(parts.USUAL_NAMES, named, strict=True))), repair.value)


@app.command(
    epilog="Example, the whole of a Gradescope autograder's `run_autograder`: `assay gradescope --assignment hw13`\n\n"
    "Exit codes: 0 results are written, also for files that cannot be used; otherwise the fault is ours and there are "
    "no results: 1 the grader failed, 2 a wrong option, 78 this machine cannot run student code safely."
)
def gradescope(
    submission: Annotated[Path, typer.Option(help="Folder of the student's files.")] = Path("/autograder/submission"),
    results: Annotated[Path, typer.Option(help="Folder for results.json.")] = Path("/autograder/results"),
    assignment: SlugOrFolder = "hw13",
    repair: RepairOption = Repair.SUGGEST,
    language: Lang = Language.ENGLISH,
) -> None:
    """Grade as a Gradescope autograder: the same checks, without a server."""
    from app.commands import gradescope as command

    command.run(assignment, submission, results, repair.value, language.value)


@app.command(epilog="Example: `assay serve --host 0.0.0.0 --port 8000 --no-worker`\n\n" + _LASTING)
def serve(
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Also start a worker, in a process of its own.")
    ] = True,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of ASSAY_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, instead of ASSAY_PORT.")] = None,
) -> None:
    """Run the service."""
    from app.commands import service

    service.serve(worker, host, port)


@app.command(epilog="Example: `ASSAY_DATABASE_URL=postgresql://assay@database/assay assay worker`\n\n" + _LASTING)
def worker() -> None:
    """Run one more worker, on any machine that can reach the database."""
    from app.commands import service

    service.work()


@app.command(epilog="Example, before the new version serves: `assay migrate`\n\n" + _EXITS)
def migrate(as_json: AsJson = False) -> None:
    """Migrate the database to this version."""
    from app.commands import service

    service.migrate(as_json)


@app.command(
    epilog="Example: `assay backup /backups/assay-$(date +%F).sqlite3`. For PostgreSQL it prints the command.\n\n"
    + _EXITS
)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write; must not exist yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite database while the service runs."""
    from app.commands import backup as command

    command.save(file, as_json)


@app.command(epilog="Example: `ASSAY_DATA_DIR=/srv/assay assay restore /backups/assay-2026-05-20.sqlite3`\n\n" + _EXITS)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `assay backup` made.")],
    as_json: AsJson = False,
) -> None:
    """Restore a copy into an empty data folder. Submissions that were waiting when it was made are graded then."""
    from app.commands import backup as command

    command.restore(file, as_json)


@app.command(epilog="Example: `ASSAY_PORT=8080 assay demo`\n\n" + _LASTING)
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the address and the tokens as JSON.")] = False,
) -> None:
    """Migrate, create a student and an admin on the first run, print their tokens, serve. `make run` calls this."""
    from app.commands import service

    service.demo(as_json)


@app.command(
    epilog="Example: `assay doctor --json`\n\n"
    "Exit codes: 0 can grade, 1 the configuration cannot work, 78 a required layer is missing."
)
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check whether this machine and its configuration can run student code safely, and say what to do if not."""
    from app.commands import doctor as command

    command.run(as_json)


@app.command(
    epilog="Examples:\n\n- `assay settings`\n\n- `assay settings --page > docs/settings.md`, which writes that page\n\n"
    + _EXITS
)
def settings(
    as_json: AsJson = False,
    page: Annotated[
        bool, typer.Option("--page", help="Print the page of the documentation, with defaults instead of values.")
    ] = False,
) -> None:
    """List every setting with its variable, its value here and its meaning. Secrets are not shown."""
    from app.commands import settings as command

    command.run(as_json, page)


@users.command(
    "import",
    epilog="Examples:\n\n- `assay users import roster.csv --preview`\n\n"
    "- `assay users import roster.csv`, with the header `login,name,role,student_id`, or exported from Canvas or "
    "Gradescope\n\n" + _EXITS,
)
def users_import(
    roster: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show the changes without making them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Add the people of a roster, all rows or none; people who exist already are updated."""
    from app.commands import people

    people.import_roster(roster, preview, as_json)


@tokens.command("create", epilog="Example: `assay tokens create b10901001`\n\n" + _EXITS)
def tokens_create(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Whose token.")], as_json: AsJson = False
) -> None:
    """Create a token and print it. It cannot be shown again."""
    from app.commands import people

    people.create_token(login, as_json)


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with an `assignment.toml`.")]


@assignment.command("check", epilog="Example: `assay assignment check my-course/hw13`\n\n" + _EXITS)
def assignment_check(folder: Folder, as_json: AsJson = False) -> None:
    """Check an assignment's folder and report each error with its file and line. Changes nothing."""
    from app.commands import assignment as command

    command.check(folder, as_json)


@assignment.command("publish", epilog="Example: `assay assignment publish my-course/hw13`\n\n" + _EXITS)
def assignment_publish(folder: Folder, as_json: AsJson = False) -> None:
    """Publish an assignment or its next version. Earlier submissions keep their points until a regrade."""
    from app.commands import assignment as command

    command.publish(folder, as_json)


@app.command(
    epilog="Examples:\n\n- `assay export hw13 --out hw13.jsonl`\n\n"
    "- `assay export hw13 --as feedback --out feedback.zip`\n\n" + _EXITS
)
def export(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="The assignment's short name.")],
    kind: Annotated[
        Export,
        typer.Option(
            "--as",
            help="`jsonl`: everything, a JSON object a line. `feedback`: a ZIP with a page for each student. "
            "`scores` and `gradescope`: CSV tables.",
        ),
    ] = Export.JSON_LINES,
    out: Annotated[Path | None, typer.Option(help="File to write, instead of standard output.")] = None,
    language: Lang = Language.ENGLISH,
) -> None:
    """Export the scores of a class, for other systems and for archives."""
    from app.commands import export as command

    command.run(assignment, kind.value, out, language.value)


@audit.command(
    "verify",
    epilog="Example, from a timer: `assay audit verify`\n\n"
    "Exit codes: 0 nothing was changed, 1 an entry does not fit or the database is out of reach, 2 a wrong option.",
)
def audit_verify(as_json: AsJson = False) -> None:
    """Check that no entry of the audit log was changed or removed. Exits 1 at the first such entry."""
    from app.commands import audit as command

    command.verify(as_json)


@dataset.command(
    "import",
    epilog="Example: `assay dataset import food11 food11-hw13`, with the folders training, validation and evaluation "
    "of files `<label>_<number>.jpg`.\n\n" + _EXITS,
)
def dataset_import(
    name: Annotated[Importable, typer.Argument(metavar="NAME", help="Name of the data set.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The downloaded folder.")],
    as_json: AsJson = False,
) -> None:
    """Pack a data set into the data folder and list unusable files. Importing it again changes nothing."""
    from app.commands import dataset as command

    command.import_food11(folder, as_json)


@dataset.command("list", epilog="Example: `assay dataset list --json`\n\n" + _EXITS)
def dataset_list(as_json: AsJson = False) -> None:
    """List the data sets of this machine, with their digests."""
    from app.commands import dataset as command

    command.list_all(as_json)


PlatformName = Annotated[str, typer.Argument(metavar="NAME", help="The platform's short name here.")]


@lti.command(
    "add",
    epilog="Example, with what the platform shows for the tool:\n\n"
    "`assay lti add moodle --issuer https://moodle.example.edu --client-id KMgJ7vE2aCbFqQh --deployment-id 3 "
    "--auth-url https://moodle.example.edu/mod/lti/auth.php --token-url https://moodle.example.edu/mod/lti/token.php "
    "--jwks-url https://moodle.example.edu/mod/lti/certs.php --match student-id=lis.person_sourcedid`\n\n" + _EXITS,
)
def lti_add(
    name: PlatformName,
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
    as_json: AsJson = False,
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


@lti.command("list", epilog="Example: `assay lti list --json`\n\n" + _EXITS)
def lti_list(as_json: AsJson = False) -> None:
    """List the platforms and the keys of this service."""
    from app.commands import lti as command

    command.list_all(as_json)


@lti.command("remove", epilog="Example: `assay lti remove moodle`\n\n" + _EXITS)
def lti_remove(name: PlatformName, as_json: AsJson = False) -> None:
    """Remove a platform: its launches are refused and it gets no more scores. People and points stay."""
    from app.commands import lti as command

    command.remove(name, as_json)


@lti.command(
    "rotate",
    epilog="Example, every year: `assay lti rotate`. When a key may have leaked: add `--now`.\n\n" + _EXITS,
)
def lti_rotate(
    at_once: Annotated[
        bool, typer.Option("--now", help="Sign with the new key at once and withdraw the former keys.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a new key. It signs after an hour; the former key stays published for a week after that."""
    from app.commands import lti as command

    command.rotate(at_once, as_json)


def main() -> None:
    """Run a command; what a person can put right ends in one line on stderr and an exit code."""
    from app.commands.failures import CommandError

    try:
        sys.exit(app(standalone_mode=False))
    except NoArgsIsHelpError as asked:
        asked.show()
        sys.exit(asked.exit_code)
    except UsageError as mistake:
        told = " ".join(mistake.format_message().split()).rstrip(".")
        help_of = mistake.ctx.command_path if mistake.ctx else "assay"
        print(f"assay: {told}. See `{help_of} --help`.", file=sys.stderr)
        sys.exit(mistake.exit_code)
    except CommandError as failure:
        print(f"assay: {failure}", file=sys.stderr)
        sys.exit(failure.exit_code)
