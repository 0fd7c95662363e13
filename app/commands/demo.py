"""What `assay demo` adds to `assay serve`: a migrated database with people who can log in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from app.auth import service as auth
from app.commands.database import upgrade, writing
from app.settings import Settings
from app.users import repository as user_repository
from app.users import service as users
from app.users.models import Role

PEOPLE = {"student": ("Example Student", Role.STUDENT), users.BOOTSTRAP_LOGIN: ("Administrator", Role.ADMIN)}


def prepare(configured: Settings, as_json: bool) -> None:
    """Migrate, create the people of the demonstration, and print their tokens."""
    upgrade(configured)
    tokens = demo_tokens(configured)
    url = f"http://{configured.host}:{configured.port}"
    if as_json:
        typer.echo(json.dumps({"url": url, "tokens": tokens}))
    else:
        _print_welcome(url, tokens)


def _print_welcome(url: str, tokens: dict[str, str]) -> None:
    typer.echo(f"Assay serves at {url} (Ctrl-C ends it). Log in at {url}/login with a token:\n")
    for login, token in tokens.items():
        typer.echo(f"  {login:8} {token}")
    typer.echo(
        f"\nSubmit the example:   ASSAY_URL={url} ASSAY_TOKEN={tokens['student']} .venv/bin/assay submit examples/hw13"
    )
    typer.echo(f"Then see the class:   {url}/dashboard/hw13 (as admin)\n")


def demo_tokens(configured: Settings) -> dict[str, str]:
    """A valid token by login. A file that only its owner can read stores them for later starts."""
    file = configured.data_dir / "demo-tokens.json"
    stored = _read(file)
    tokens = {}
    with writing(configured) as session:
        for login, (name, role) in PEOPLE.items():
            user = user_repository.by_login(session, login)
            if user is None:
                user = users.create_user(session, login=login, name=name, role=role, actor="assay demo")
            holder = auth.by_token(session, stored.get(login, ""))
            if holder is not None and holder.login == login:
                tokens[login] = stored[login]
            else:
                tokens[login] = users.create_token(session, user, actor="assay demo").secret
    _write(file, tokens)
    return tokens


def _read(file: Path) -> dict[str, str]:
    """The tokens in the file; none when it is missing or damaged, so that new ones are made."""
    try:
        tokens = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {login: str(token) for login, token in tokens.items()} if isinstance(tokens, dict) else {}


def _write(file: Path, tokens: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(tokens, stream)
