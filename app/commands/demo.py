"""What `assay demo` needs beyond `assay serve`: a migrated database with somebody to log in as."""

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
    """Migrate, see that the people of the demonstration can log in, and tell how."""
    upgrade(configured)
    tokens = demo_tokens(configured)
    url = f"http://{configured.host}:{configured.port}"
    if as_json:
        typer.echo(json.dumps({"url": url, "tokens": tokens}))
    else:
        _tell(url, tokens)


def _tell(url: str, tokens: dict[str, str]) -> None:
    typer.echo(f"Assay serves at {url} (Ctrl-C ends it). Log in at {url}/login with a token:\n")
    for login, token in tokens.items():
        typer.echo(f"  {login:8} {token}")
    typer.echo(
        f"\nSubmit the example:   ASSAY_URL={url} ASSAY_TOKEN={tokens['student']} .venv/bin/assay submit examples/hw13"
    )
    typer.echo(f"Then see the class:   {url}/dashboard/hw13 (as admin)\n")


def demo_tokens(configured: Settings) -> dict[str, str]:
    """A working token by login. They are kept in a file that only its owner reads, so a later start shows the same."""
    file = configured.data_dir / "demo-tokens.json"
    kept = _kept(file)
    tokens = {}
    with writing(configured) as session:
        for login, (name, role) in PEOPLE.items():
            user = user_repository.by_login(session, login)
            if user is None:
                user = users.create_user(session, login=login, name=name, role=role, actor="assay demo")
            holder = auth.by_token(session, kept.get(login, ""))
            if holder is not None and holder.login == login:
                tokens[login] = kept[login]
            else:
                tokens[login] = users.create_token(session, user, actor="assay demo").secret
    _keep(file, tokens)
    return tokens


def _kept(file: Path) -> dict[str, str]:
    """What the file holds; nothing when it is missing or was damaged, so that new tokens are made."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {login: str(token) for login, token in found.items()} if isinstance(found, dict) else {}


def _keep(file: Path, tokens: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(tokens, stream)
