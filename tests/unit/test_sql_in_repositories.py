"""SQL of the service stands in repositories only (`repository.py`, `*_repository.py`) and in `app/db/`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENTS = frozenset(("select", "insert", "update", "delete", "text"))
QUERY_METHODS = frozenset(("get", "get_one", "scalar", "scalars", "execute"))


def test_sql_stands_in_repositories_only() -> None:
    with_sql = {
        path.relative_to(ROOT).as_posix(): lines
        for path in (ROOT / "app").rglob("*.py")
        if not _may_hold_sql(path) and (lines := list(sql_lines(path.read_text(encoding="utf-8"))))
    }
    assert with_sql == {}


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import func, select",
        "from sqlalchemy.sql.expression import update as change",
        "from sqlalchemy.dialects.postgresql import insert",
        "def load():\n    from sqlalchemy import text",
        "import sqlalchemy\nsqlalchemy.select(1)",
        "import sqlalchemy as sa\nsa.sql.delete(table)",
        "from sqlalchemy import sql\nsql.select(1)",
        "session.get(Row, 1)",
        "self._session.scalars(query).all()",
        "sessions().execute(query)",
        "read = session.get_one",
        "def load(database: Session):\n    return database.scalar(query)",
        "def load(engine: Engine):\n    return engine.connect().execute(query)",
    ],
)
def test_sql_is_recognised(source: str) -> None:
    assert list(sql_lines(source))


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import Index, func\nfrom sqlalchemy.orm import Session",
        "from app.scores.repository import select",
        "counts.update(rows)\ncounts.get('a')\nsession.info.get('notify')",
        "session.add(row)\nsession.delete(row)\nsession.flush()",
    ],
)
def test_other_code_is_not_taken_for_sql(source: str) -> None:
    assert list(sql_lines(source)) == []


def sql_lines(source: str) -> Iterator[int]:
    """Lines that import a statement of SQLAlchemy, use one by its module, or query with a session or connection."""
    tree = ast.parse(source)
    modules = _sqlalchemy_modules(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "sqlalchemy":
                if any(name.name in STATEMENTS for name in names):
                    yield node.lineno
            case ast.Attribute(value=base, attr=name):
                is_query = name in QUERY_METHODS and (name != "get" or _is_session(base))
                if is_query or (name in STATEMENTS and _first_name(base) in modules):
                    yield node.lineno


def _may_hold_sql(path: Path) -> bool:
    return path.is_relative_to(ROOT / "app/db") or path.name == "repository.py" or path.name.endswith("_repository.py")


def _sqlalchemy_modules(tree: ast.AST) -> set[str]:
    """The names under which a file knows SQLAlchemy or a module of it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname or "sqlalchemy" for a in node.names if a.name.split(".")[0] == "sqlalchemy"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            names |= {a.asname or a.name for a in node.names if a.name.islower()}
    return names


def _is_session(node: ast.AST) -> bool:
    """Whether an object with a method `get` is a session, and no mapping: `session`, `self._session`, `sessions()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return "session" in name
        case ast.Call(func=function):
            return _is_session(function)
    return False


def _first_name(node: ast.AST) -> str:
    """`sa` of `sa.sql`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
