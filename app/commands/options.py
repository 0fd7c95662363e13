"""Options and arguments that several commands share, and their values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

EXIT_CODES = "Exit codes: 0 done, 1 refused or unreachable, 2 unusable input."
EXIT_CODES_OF_TRIALS = (
    "Exit codes: 0 done, 1 the sandbox failed, 2 unusable input, 78 this machine cannot run student code safely."
)
EXIT_CODES_OF_PROCESSES = (
    "Runs until SIGTERM or Ctrl-C. Exit codes: 0 stopped on request, 1 could not start, 2 a setting is not "
    "valid, 78 this machine cannot run student code safely."
)


class Repair(StrEnum):
    """Handling of paste damage, such as lost underscores."""

    SUGGEST = "suggest"
    APPLY = "apply"


class Language(StrEnum):
    """The languages that reports are written in."""

    ENGLISH = "en"
    TRADITIONAL_CHINESE = "zh-Hant"


class ExportFormat(StrEnum):
    """File formats for the data of a class."""

    JSON_LINES = "jsonl"
    FEEDBACK = "feedback"
    SCORES = "scores"
    GRADESCOPE = "gradescope"


class ImportableDataset(StrEnum):
    """The data sets that can be imported."""

    FOOD11 = "food11"


Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="DIR-or-FILES...", help="Folders or files; the usual file names say which part each file is."
    ),
]
PartFiles = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="NAME=FILE", help="The file of one part of the assignment; can be repeated."),
]
UseOutputs = Annotated[
    list[str] | None,
    typer.Option(
        "--use-output",
        metavar="NAME=OUTPUT",
        help="Take a part from an output of a notebook, such as `summary=model:12.1`: the first output of the twelfth "
        "code cell of the model. The command lists the outputs that it finds; can be repeated.",
    ),
]
Model = Annotated[Path | None, typer.Option(help="hw13: Python text or notebook with `get_student_model`.")]
Loss = Annotated[Path | None, typer.Option(help="hw13: Python text with `loss_fn_kd`.")]
Summary = Annotated[Path | None, typer.Option(help="hw13: text of torchsummary or torchinfo.")]
Answers = Annotated[Path | None, typer.Option(help='JSON object such as `{"2.2": "softer", "3.2": "no"}`.')]
Plot = Annotated[Path | None, typer.Option(help="hw13: pruning plot, PNG or JPEG.")]
Points = Annotated[Path | None, typer.Option(help="hw13: CSV `ratio,accuracy`.")]
Weights = Annotated[Path | None, typer.Option(help="hw13: trained weights, safetensors or state dict.")]
PART_OPTIONS = ("model", "loss", "summary", "answers", "plot", "points", "weights")
"""The options above in their order. An assignment says which of its parts an option names."""
RepairOption = Annotated[
    Repair, typer.Option(help="`suggest` shows the repair of paste damage; `apply` grades the repaired text.")
]
Slug = Annotated[str, typer.Option("--assignment", help="The assignment's short name.")]
SlugOrFolder = Annotated[str, typer.Option("--assignment", help="The assignment's short name or its folder.")]
SlugOrFolderByName = Annotated[
    str | None,
    typer.Option(
        "--assignment",
        help="The assignment's short name or its folder. Without it: the assignment whose short name begins the name "
        "of a folder that is graded, else hw13.",
        show_default=False,
    ),
]
ReportAsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
ResultAsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of the report.")]
AssignmentFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with an `assignment.toml`.")]
PlatformName = Annotated[str, typer.Argument(metavar="NAME", help="The platform's short name here.")]

AssignmentSlug = Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="The assignment's short name.")]
_Role = Literal["student", "ta", "admin"]
RoleName = Annotated[_Role, typer.Option("--role", help="The role.")]
RoleOrAll = Annotated[_Role | None, typer.Option("--role", help="The role.", show_default=False)]
StudentId = Annotated[str | None, typer.Option(help="The student number.")]
Section = Annotated[str | None, typer.Option(help="The section or group within the class.")]
OnlySection = Annotated[
    str | None, typer.Option("--section", help="Only the students of this section.", show_default=False)
]
Course = Annotated[
    str, typer.Option("--course", metavar="SLUG", help="Where there are several: the course.", show_default=False)
]
EnrolmentRole = Annotated[
    Literal["student", "ta", "instructor"] | None,
    typer.Option("--role", help="The role; who is new is a student without it.", show_default=False),
]
StaffLogin = Annotated[str, typer.Option("--by", metavar="LOGIN", help="The member of the staff who decided.")]
