"""Settings: read from the environment, documented, refused when they make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.commands.settings import text_of_page
from app.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()


def test_the_page_is_what_the_settings_say() -> None:
    assert text_of_page() == PAGE, "make it again: assay settings --page > docs/settings.md"
    for name, field in Settings.model_fields.items():
        assert field.description
        assert f"| `ASSAY_{name.upper()}` | " in PAGE


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://a:b@host/name", "postgresql+psycopg://a:b@host/name"),
        ("postgres://host/name", "postgresql+psycopg://host/name"),
        ("sqlite:////data/x.sqlite3", "sqlite:////data/x.sqlite3"),
    ],
)
def test_postgresql_goes_through_psycopg(given: str, used: str) -> None:
    assert Settings(database_url=SecretStr(given)).sqlalchemy_url == used


def test_the_default_database_is_in_the_data_folder(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).sqlalchemy_url == f"sqlite:///{tmp_path}/assay.sqlite3"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASSAY_DATABASE_URL", "mysql://host/name"),
        ("ASSAY_DATABASE_URL", "postgresql://host:port/name"),
        ("ASSAY_WORKERS", "0"),
        ("ASSAY_PORT", "70000"),
        ("ASSAY_EXECUTOR_ID", "a/b"),
        ("ASSAY_SILENT_SECONDS", "-1"),
    ],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable.removeprefix("ASSAY_").lower()):
        Settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_ADMIN_TOKEN", "sesame")
    monkeypatch.setenv("ASSAY_DATABASE_URL", "postgresql://user:hidden@host/name")
    assert "sesame" not in repr(Settings())
    assert "hidden" not in repr(Settings())
