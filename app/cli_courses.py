"""`assay course`: the courses of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands import options

course = typer.Typer(name="course", help="The courses of this installation.", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(metavar="COURSE", help="The course's short name.")]
NewSlug = Annotated[str, typer.Argument(metavar="NEW", help="The new course's short name. It never changes.")]
NewTitle = Annotated[str, typer.Argument(metavar="TITLE", help="The title that people read.")]
Title = Annotated[str | None, typer.Option(help="The title that people read.")]
Term = Annotated[str | None, typer.Option(help="The term, such as `Spring 2027`.")]
TimeZone = Annotated[str | None, typer.Option(metavar="ZONE", help="The time zone, such as Asia/Taipei.")]
Language = Annotated[options.Language | None, typer.Option(help="The course's language.", show_default=False)]
Yes = Annotated[
    str | None, typer.Option("--yes", metavar="COURSE", help="The short name once more: delete it.", show_default=False)
]


@course.command("list", epilog="Example: `assay course list --json`\n\n" + options.EXIT_CODES)
def course_list(as_json: options.ResultAsJson = False) -> None:
    """List the courses, archived ones too."""
    from app.commands import courses as command

    command.list_all(as_json)


@course.command(
    "add",
    epilog="Example: `assay course add ml27 'Machine learning' --term 'Spring 2027' --time-zone Asia/Taipei`\n\n"
    + options.EXIT_CODES,
)
def course_add(
    slug: Slug,
    title: NewTitle,
    term: Term = None,
    time_zone: TimeZone = None,
    language: Language = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Add a course without people and assignments. Slugs of its assignments are its own, a dot, and theirs."""
    from app.commands import courses as command

    command.add(slug, title, term, time_zone, language, as_json)


@course.command("edit", epilog="Example: `assay course edit ml27 --term 'Autumn 2027'`\n\n" + options.EXIT_CODES)
def course_edit(
    slug: Slug,
    title: Title = None,
    term: Term = None,
    time_zone: TimeZone = None,
    language: Language = None,
    as_json: options.ResultAsJson = False,
) -> None:
    """Change a course's title, term, time zone or language."""
    from app.commands import courses as command

    command.edit(slug, title, term, time_zone, language, as_json)


@course.command("archive", epilog="Example: `assay course archive ml27`\n\n" + options.EXIT_CODES)
def course_archive(slug: Slug, as_json: options.ResultAsJson = False) -> None:
    """Make a course read-only, and leave it out of lists. Nothing is deleted."""
    from app.commands import courses as command

    command.archive(slug, as_json)


@course.command("restore", epilog="Example: `assay course restore ml27`\n\n" + options.EXIT_CODES)
def course_restore(slug: Slug, as_json: options.ResultAsJson = False) -> None:
    """Let people work in an archived course again."""
    from app.commands import courses as command

    command.restore(slug, as_json)


@course.command(
    "copy",
    epilog="Examples:\n\n- `assay course copy main ml28 'Machine learning' --term 'Spring 2028'`\n\n"
    "- `assay course copy main ml29 'Machine learning' --shift-days 364`\n\n" + options.EXIT_CODES,
)
def course_copy(
    slug: Slug,
    new: NewSlug,
    title: NewTitle,
    term: Term = None,
    time_zone: TimeZone = None,
    language: Language = None,
    shift_days: Annotated[
        int | None, typer.Option(help="Move all dates by so many days; else they are cleared.", show_default=False)
    ] = None,
    by: options.StaffLogin = "admin",
    as_json: options.ResultAsJson = False,
) -> None:
    """Create a course with the assignments, review items and saved comments of another; no people, no submissions."""
    from app.commands import courses as command

    command.copy(slug, new, title, term, time_zone, language, shift_days, by, as_json)


@course.command("export", epilog="Example: `assay course export main --out main.zip`\n\n" + options.EXIT_CODES)
def course_export(
    slug: Slug,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The archive to write; must not exist yet.")],
    language: options.LanguageOption = options.Language.ENGLISH,
) -> None:
    """Write everything of a course into a ZIP: people, assignments, scores, submissions, its part of the audit log."""
    from app.commands import courses as command

    command.export_course(slug, out, language)


@course.command(
    "delete",
    epilog="Examples:\n\n- `assay course delete ml27`, which says what would be deleted\n\n"
    "- `assay course delete ml27 --yes ml27`\n\n" + options.EXIT_CODES,
)
def course_delete(slug: Slug, yes: Yes = None, as_json: options.ResultAsJson = False) -> None:
    """Delete an archived course for good, with its submissions and scores. Accounts and the audit log stay."""
    from app.commands import courses as command

    command.delete(slug, yes, as_json)
