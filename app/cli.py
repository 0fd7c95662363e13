"""`assay`: the service, its people, and grading from a shell.

A command imports its own modules when it runs, so that `assay --help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from app.cli_class import extensions, regrades
from app.cli_courses import course
from app.cli_lti import lti
from app.cli_people import tokens, users
from app.commands import options
from app.courses.names import FIRST


class CommandGroup(TyperGroup):
    """Commands whose help shows the whole first sentence of each: by default it is cut at the end of the line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(1000)) for name, command in self.commands.items()])


app = typer.Typer(
    name="assay",
    cls=CommandGroup,
    help="Automated grading of model-compression homework.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich takes as long to import and to draw boxes as everything else that help needs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
assignment = typer.Typer(name="assignment", help="Assignments and their versions.", no_args_is_help=True)
audit = typer.Typer(name="audit", help="The record of who changed what.", no_args_is_help=True)
dataset = typer.Typer(name="dataset", help="The images that models are measured on.", no_args_is_help=True)
for group in (course, users, tokens, assignment, extensions, regrades, audit, dataset, lti):
    app.add_typer(group, cls=CommandGroup)


def _print_version(asked: bool) -> None:
    if asked:
        from grader.version import GRADER_VERSION

        typer.echo(f"assay {GRADER_VERSION}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Automated grading of model-compression homework."""


@app.command(
    epilog="Examples:\n\n- `assay grade examples/hw13`\n\n"
    "- `assay grade --quick examples/hw13`\n\n"
    "- `assay grade examples/prune-quantize`\n\n"
    "- `assay grade --model model.py --loss loss.py --json`\n\n"
    "Exit codes: 0 graded, 2 unusable input, 78 this machine cannot run student code safely."
)
def grade(
    paths: options.Paths = None,
    model: options.Model = None,
    loss: options.Loss = None,
    summary: options.Summary = None,
    answers: options.Answers = None,
    plot: options.Plot = None,
    points: options.Points = None,
    weights: options.Weights = None,
    part: options.PartFiles = None,
    use_output: options.UseOutputs = None,
    repair: options.RepairOption = options.Repair.SUGGEST,
    assignment: options.SlugOrFolderByName = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Leave out the confirmation of the model on its exported copy and the measured curve; the result is "
            "unverified.",
        ),
    ] = False,
    as_json: options.ReportAsJson = False,
    language: options.LanguageOption = options.Language.ENGLISH,
) -> None:
    """Grade a submission on this machine, without a server. Prints each verdict when it is there."""
    from app.commands.warm_sandbox import launched_sandbox

    with launched_sandbox(exports=not quick) as sandbox:
        # The sandbox warms up during these imports.
        from app.commands import grade as command
        from app.commands.parts import Sources

        by_option = _by_option(model, loss, summary, answers, plot, points, weights)
        sources = Sources(paths or (), by_option, part or (), use_output or ())
        command.run(sandbox, assignment, sources, repair.value, language, as_json, quick)


@app.command(
    epilog="Examples:\n\n- `ASSAY_TOKEN=... assay submit examples/hw13`\n\n"
    "- `ASSAY_URL=https://assay.example.edu assay submit model.py loss.py`\n\n"
    "Exit codes: 0 graded, 1 refused or unreachable, 2 unusable input."
)
def submit(
    paths: options.Paths = None,
    model: options.Model = None,
    loss: options.Loss = None,
    summary: options.Summary = None,
    answers: options.Answers = None,
    plot: options.Plot = None,
    points: options.Points = None,
    weights: options.Weights = None,
    part: options.PartFiles = None,
    use_output: options.UseOutputs = None,
    repair: options.RepairOption = options.Repair.SUGGEST,
    assignment: options.Slug = "hw13",
    as_json: options.ReportAsJson = False,
    language: options.LanguageOption = options.Language.ENGLISH,
) -> None:
    """Submit to the server at ASSAY_URL as the owner of ASSAY_TOKEN, and show the results as they arrive."""
    from app.commands import submit as command
    from app.commands.parts import Sources

    by_option = _by_option(model, loss, summary, answers, plot, points, weights)
    sources = Sources(paths or (), by_option, part or (), use_output or ())
    command.run(assignment, sources, repair.value, language, as_json)


def _by_option(*files: Path | None) -> dict[str, Path | None]:
    """The files of the options in the order in which `grade` and `submit` have them."""
    return dict(zip(options.PART_OPTIONS, files, strict=True))


@app.command(
    epilog="Example, the whole of a Gradescope autograder's `run_autograder`: `assay gradescope --assignment hw13`\n\n"
    "Exit codes: 0 results are written, also for files that cannot be used; otherwise the fault is ours and there are "
    "no results: 1 the grader failed, 2 a wrong option, 78 this machine cannot run student code safely."
)
def gradescope(
    submission: Annotated[Path, typer.Option(help="Folder of the student's files.")] = Path("/autograder/submission"),
    results: Annotated[Path, typer.Option(help="Folder for results.json.")] = Path("/autograder/results"),
    metadata: Annotated[
        Path, typer.Option(help="What Gradescope says of the submission: its time, deadline and earlier attempts.")
    ] = Path("/autograder/submission_metadata.json"),
    assignment: options.SlugOrFolder = "hw13",
    repair: options.RepairOption = options.Repair.SUGGEST,
    language: options.LanguageOption = options.Language.ENGLISH,
) -> None:
    """Grade as a Gradescope autograder: the same checks, without a server."""
    from app.commands import gradescope as command

    command.run(assignment, submission, results, metadata, repair.value, language.value)


@app.command(
    epilog="Example: `assay serve --host 0.0.0.0 --port 8000 --no-worker`\n\n" + options.EXIT_CODES_OF_PROCESSES
)
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


@app.command(
    epilog="Example: `ASSAY_DATABASE_URL=postgresql://assay@database/assay assay worker`\n\n"
    + options.EXIT_CODES_OF_PROCESSES
)
def worker() -> None:
    """Run one more worker, on any machine that can reach the database."""
    from app.commands import service

    service.work()


@app.command(epilog="Example, before the new version serves: `assay migrate`\n\n" + options.EXIT_CODES)
def migrate(as_json: options.ResultAsJson = False) -> None:
    """Migrate the database to this version."""
    from app.commands import service

    service.migrate(as_json)


@app.command(
    epilog="Example: `assay backup /backups/assay-$(date +%F).sqlite3`. For PostgreSQL it prints the command.\n\n"
    + options.EXIT_CODES
)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write; must not exist yet.")],
    as_json: options.ResultAsJson = False,
) -> None:
    """Copy the SQLite database while the service runs."""
    from app.commands import backup as command

    command.save(file, as_json)


@app.command(
    epilog="Example: `ASSAY_DATA_DIR=/srv/assay assay restore /backups/assay-2026-05-20.sqlite3`\n\n"
    + options.EXIT_CODES
)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `assay backup` made.")],
    as_json: options.ResultAsJson = False,
) -> None:
    """Restore a copy into an empty data folder. Submissions that were waiting when it was made are graded then.

    Learning platforms get no scores before `assay lti resume`, because the copied service may still send them.
    """
    from app.commands import backup as command

    command.restore(file, as_json)


@app.command(epilog="Example: `ASSAY_PORT=8080 assay demo`\n\n" + options.EXIT_CODES_OF_PROCESSES)
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
    + options.EXIT_CODES
)
def settings(
    as_json: options.ResultAsJson = False,
    page: Annotated[
        bool, typer.Option("--page", help="Print the page of the documentation, with defaults instead of values.")
    ] = False,
) -> None:
    """List every setting with its variable, its value here and its meaning. Secrets are not shown."""
    from app.commands import settings as command

    command.run(as_json, page)


@assignment.command(
    "check",
    epilog="Examples:\n\n- `assay assignment check my-course/hw13`\n\n"
    "- `assay assignment check my-course/functions --no-run`\n\n" + options.EXIT_CODES_OF_TRIALS,
)
def assignment_check(
    folder: options.AssignmentFolder,
    no_run: Annotated[bool, typer.Option("--no-run", help="Read the files only; run none of them.")] = False,
    as_json: options.ResultAsJson = False,
) -> None:
    """Check an assignment's folder and report each error with its file and line. Changes nothing.

    Known mistakes and correct variants of function questions run in the sandbox: an error is a correct variant that
    loses points, or a mistake that the cases cannot tell from the reference or from another one.
    """
    from app.commands import assignment as command

    command.check(folder, as_json, no_run)


@assignment.command(
    "try",
    epilog="Example: `assay assignment try my-course/hw13 my-solution`\n\n"
    "Runs until Ctrl-C, or with --once until the submission is graded. " + options.EXIT_CODES_OF_TRIALS,
)
def assignment_try(
    folder: options.AssignmentFolder,
    submission: Annotated[
        list[Path], typer.Argument(metavar="SUBMISSION...", help="Folders or files of a submission, as for `grade`.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Grade once and end.")] = False,
    as_json: options.ReportAsJson = False,
    language: options.LanguageOption = options.Language.ENGLISH,
) -> None:
    """Grade a submission again whenever a file of it or of the assignment changes, for authors at work."""
    from app.commands import assignment_try as command

    command.run(folder, submission, once, language, as_json)


@assignment.command("publish", epilog="Example: `assay assignment publish my-course/hw13`\n\n" + options.EXIT_CODES)
def assignment_publish(
    folder: options.AssignmentFolder,
    course: Annotated[str, typer.Option(metavar="COURSE", help="The short name of the course.")] = FIRST,
    as_json: options.ResultAsJson = False,
) -> None:
    """Publish an assignment or its next version. Earlier submissions keep their points until a regrade."""
    from app.commands import assignment as command

    command.publish(folder, course, as_json)


@assignment.command("release", epilog="Example: `assay assignment release hw13`\n\n" + options.EXIT_CODES)
def assignment_release(
    slug: options.AssignmentSlug,
    take_back: Annotated[bool, typer.Option("--take-back", help="Withhold the results again.")] = False,
    as_json: options.ResultAsJson = False,
) -> None:
    """Let students read the results that `tell = "when released"` withholds."""
    from app.commands import assignment as command

    command.release(slug, take_back, as_json)


@app.command(
    epilog="Examples:\n\n- `assay scores hw13`\n\n- `assay scores hw13 --review --json`\n\n" + options.EXIT_CODES
)
def scores(
    assignment: options.AssignmentSlug,
    review: Annotated[bool, typer.Option("--review", help="Only students who wait for a review.")] = False,
    section: options.OnlySection = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Print the class table: a row for each student, with the attempt that counts."""
    from app.commands import scores as command

    command.show(assignment, review, section, as_json)


@app.command(
    epilog="Examples:\n\n- `assay export hw13 --out hw13.jsonl`\n\n"
    "- `assay export hw13 --as feedback --out feedback.zip`\n\n"
    "- `assay export hw13 --as scores --section B`\n\n" + options.EXIT_CODES
)
def export(
    assignment: options.AssignmentSlug,
    kind: Annotated[
        options.ExportFormat,
        typer.Option(
            "--as",
            help="`jsonl`: everything, a JSON object a line. `feedback`: a ZIP with a page for each student. "
            "`scores` and `gradescope`: CSV tables.",
        ),
    ] = options.ExportFormat.JSON_LINES,
    out: Annotated[Path | None, typer.Option(help="File to write, instead of standard output.")] = None,
    language: options.LanguageOption = options.Language.ENGLISH,
    section: options.OnlySection = None,
) -> None:
    """Export the scores of a class, for other systems and for archives."""
    from app.commands import export as command

    command.run(assignment, kind.value, out, language.value, section)


@audit.command(
    "verify",
    epilog="Example, from a timer: `assay audit verify`\n\n"
    "Exit codes: 0 nothing was changed, 1 an entry does not fit or the database is out of reach, 2 a wrong option.",
)
def audit_verify(as_json: options.ResultAsJson = False) -> None:
    """Check that no entry of the audit log was changed or removed. Exits 1 at the first such entry."""
    from app.commands import audit as command

    command.verify(as_json)


@dataset.command(
    "import",
    epilog="Example: `assay dataset import food11 food11-hw13`, with the folders training, validation and evaluation "
    "of files `<label>_<number>.jpg`.\n\n" + options.EXIT_CODES,
)
def dataset_import(
    name: Annotated[options.ImportableDataset, typer.Argument(metavar="NAME", help="Name of the data set.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The downloaded folder.")],
    as_json: options.ResultAsJson = False,
) -> None:
    """Pack a data set into the data folder and list unusable files. Importing it again changes nothing."""
    from app.commands import dataset as command

    command.import_food11(folder, as_json)


@dataset.command("list", epilog="Example: `assay dataset list --json`\n\n" + options.EXIT_CODES)
def dataset_list(as_json: options.ResultAsJson = False) -> None:
    """List the data sets of this machine, with their digests."""
    from app.commands import dataset as command

    command.list_all(as_json)


def main() -> None:
    """Run a command. An error that the person at the shell can correct is one line on stderr and an exit code."""
    from app.commands.failures import CommandError

    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        message = error.format_message()
        if message.startswith("Usage: "):  # the message of a missing command is the whole help
            print(message)
        else:
            message = " ".join(message.split()).rstrip(".")
            print(f"assay: {message}. See `{_command_name(sys.argv[1:])} --help`.", file=sys.stderr)
        sys.exit(error.exit_code)
    except CommandError as error:
        print(f"assay: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _command_name(words: Sequence[str]) -> str:
    """The name of the command that these words of a command line begin with, in full: ``assay users import``."""
    name, command = "assay", get_command(app)
    for word in words:
        subcommands = getattr(command, "commands", {})
        if word not in subcommands:
            break
        name, command = f"{name} {word}", subcommands[word]
    return name
