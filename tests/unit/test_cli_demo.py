"""The people that `assay demo` makes on its first run and finds again on the next."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from app.auth import service as auth
from app.commands.database import writing
from app.commands.demo import demo_tokens
from app.settings import Settings
from app.users import service as users
from app.users.models import Role, Token


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    """Settings with a data folder of their own."""
    return Settings(data_dir=tmp_path / "var")


def roles(configured: Settings, tokens: dict[str, str]) -> dict[str, Role]:
    with writing(configured) as session:
        viewers = {login: auth.by_token(session, token) for login, token in tokens.items()}
    return {login: viewer.role for login, viewer in viewers.items() if viewer is not None and viewer.login == login}


def test_a_student_and_an_admin_can_log_in(configured: Settings) -> None:
    assert roles(configured, demo_tokens(configured)) == {"student": Role.STUDENT, "admin": Role.ADMIN}


def test_a_later_start_shows_the_same_tokens(configured: Settings) -> None:
    first = demo_tokens(configured)
    assert demo_tokens(configured) == first
    with writing(configured) as session:
        assert len(session.scalars(select(Token)).all()) == 2


def test_only_the_owner_reads_the_kept_tokens(configured: Settings) -> None:
    demo_tokens(configured)
    file = configured.data_dir / "demo-tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_revoked_token_is_replaced_and_the_other_kept(configured: Settings) -> None:
    first = demo_tokens(configured)
    with writing(configured) as session:
        token = session.scalars(select(Token).where(Token.digest == users.digest(first["student"]))).one()
        users.revoke_token(session, token.id, actor="test")
    second = demo_tokens(configured)
    assert second["admin"] == first["admin"]
    assert second["student"] != first["student"]
    assert roles(configured, second) == {"student": Role.STUDENT, "admin": Role.ADMIN}
