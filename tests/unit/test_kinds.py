"""Outside its folder a kind of check is named only in the registry, in its page fragments and in the page texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.checks.registry import CHECKS

ROOT = Path(__file__).parents[2]
ROOMS = ROOT / "grader" / "checks"
HARNESS = ROOT / "grader" / "sandbox" / "harness"
TEMPLATES = ROOT / "app" / "pages" / "templates"
NAMING = {
    "grader/checks/registry.py",
    "grader/assignment_upgrade.py",  # reads assignments that were stored when there were these kinds only
}
_OTHER_WORDS = {"architecture", "function", "summary"}
"""Words that mean something else too: they count where a ``check`` or a ``kind`` is compared with them."""
_ROOM = re.compile(r"grader\.checks\.(\w+)(?:\.|$)")
_FRAGMENT = re.compile(rf"(?:evidence|preview)_(?:{'|'.join(CHECKS)})\.html")
_EXPRESSION = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_QUOTED = re.compile(r"""["']([a-z_]+)["']""")


def kinds_named(code: str) -> set[str]:
    """The kinds from whose folder Python code imports, or that a text of it names."""
    return set(_names(ast.parse(code))) & CHECKS.keys()


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from _ROOM.findall(node.module)
        elif isinstance(node, ast.Compare) and re.search(r"\b(?:check|kind)\b", ast.unparse(node)):
            yield from filter(None, map(_text, ast.walk(node)))
        elif _text(node) not in {None, *_OTHER_WORDS}:
            yield str(_text(node))


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_files_that_name_a_kind_outside_its_folder() -> None:
    files = [path for package in ("app", "grader") for path in (ROOT / package).rglob("*.py")]
    outside = [path for path in files if path.parent == ROOMS or not {ROOMS, HARNESS} & {*path.parents}]
    naming = {path.relative_to(ROOT).as_posix() for path in outside if kinds_named(path.read_text(encoding="utf-8"))}
    assert naming == NAMING


@pytest.mark.parametrize(
    "code",
    [
        "from grader.checks.pruning import measure",
        'question.check == "summary"',
        'kind in ("x", "function")',
        '{"kd_loss": 1}',
    ],
)
def test_kinds_that_code_names_are_found(code: str) -> None:
    assert kinds_named(code)


def test_templates_that_name_a_kind_are_its_fragments() -> None:
    naming = {
        path.name
        for path in TEMPLATES.rglob("*.html")
        for expression in _EXPRESSION.findall(path.read_text(encoding="utf-8"))
        if CHECKS.keys() & set(_QUOTED.findall(expression))
    }
    assert {name for name in naming if not _FRAGMENT.fullmatch(name)} == set()
