"""The texts of the pages: complete in every language, and all of them used."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from app.pages import rendering
from app.presenting import language
from grader.scoring import Verdict

PAGES = Path(rendering.__file__).parent


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize("tag", list(language.LANGUAGES)[1:])
def test_every_language_has_the_same_texts(tag: str) -> None:
    english, other = language.texts("en"), language.texts(tag)
    assert other.keys() == english.keys()
    assert {key for key in english if placeholders(english[key]) != placeholders(other[key])} == set()


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    sources = [*PAGES.glob("templates/*.html"), *PAGES.glob("*.py")]
    code = "\n".join(source.read_text() for source in sources)
    called = re.findall(r"""\bt\("(\w+)"(\s*~)?""", code) + re.findall(r"""language\.text\([^"\n]*, "(\w+)"()""", code)
    keys = language.texts("en").keys()
    whole = {key for key, joined in called if not joined}
    whole |= keys & set(re.findall(r"""\bif [^\n{}]+ else "(\w+)\"""", code))
    prefixes = {key for key, joined in called if joined} | {"error_", "problem_", "status_", "stage_", "next_"}
    terms = {"hard_term", "soft_term", "mixture", "gradient"}
    assert whole - keys == set()
    assert {key for key in keys - whole - terms if not any(key.startswith(prefix) for prefix in prefixes)} == set()


def test_what_stands_between_words_is_a_text_of_the_language() -> None:
    english = re.compile(r"""join\("[,;] |\{\{ "[,;] |loop\.last %\}[,;] |\{\{ t\([^{}]*\) \}\}[:,;] |\) ~ "[:,;] """)
    found = {path.name: english.findall(path.read_text()) for path in PAGES.glob("templates/*.html")}
    assert {name: pieces for name, pieces in found.items() if pieces} == {}


def test_a_problem_lists_its_members_and_says_a_size_in_words() -> None:
    members = {"logins": ["ada", "bob"], "limit": 40 * 2**20}
    assert "ada、bob" in language.complaint("zh-Hant", "unknown-students", "", members)
    assert "ada, bob" in language.complaint("en", "unknown-students", "", members)
    assert "40 MB" in language.complaint("en", "too-large", "", members)


def test_every_verdict_has_a_name() -> None:
    keys = language.texts("en").keys()
    assert {f"verdict_{verdict}" for verdict in Verdict} <= keys
