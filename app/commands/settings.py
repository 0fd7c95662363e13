"""`assay settings`: every setting with its value here, and the page of the documents about them."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands.configuration import settings
from app.settings import Settings

_PAGE = """# Settings

Every setting is an environment variable. An empty one counts as not set; an invalid one stops the start with
a sentence about it. `assay settings` shows what holds on a machine. This page is what `assay settings --page` prints.

| variable | default | meaning |
| --- | --- | --- |
{rows}

The number of gradings at once is one process's own. The queue itself has one number for all its workers, the largest
among them: with workers of unequal size, a small one may hold a job for a moment that a larger one could have begun.
"""


def run(as_json: bool, page: bool) -> None:
    """Print the settings as they are here, or the page."""
    if page:
        typer.echo(text_of_page(), nl=False)
        return
    configured = settings()
    values = {name: _shown(getattr(configured, name)) for name in Settings.model_fields}
    if as_json:
        rows = [
            {"variable": variable(name), "value": values[name], "default": default(field), "meaning": field.description}
            for name, field in Settings.model_fields.items()
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("variable", "value", "default", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        table.add_row(variable(name), *map(Text, (values[name] or "-", default(field), field.description or "")))
    Console().print(table)


def text_of_page() -> str:
    """`docs/settings.md`."""
    rows = (
        f"| `{variable(name)}` | {_default_in_words(field) or f'`{default(field)}`'} | {field.description} |"
        for name, field in Settings.model_fields.items()
    )
    return _PAGE.format(rows="\n".join(rows))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def default(field: FieldInfo) -> str:
    """The default of a setting, as people read it."""
    return _default_in_words(field) or _shown(field.default) or ""


def _default_in_words(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "without" in extra:
        return str(extra["without"])
    return "none" if field.default is None else None


def _shown(value: object) -> str | None:
    if isinstance(value, SecretStr):
        return "(set, not shown)"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int | str | Path) else None
