"""Parts as data: kinds, usual names, what an assignment may say of them, and assignments stored in the former form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.presenting import filters, markdown
from grader.assignment import Assignment, LateRule, Question, Schedule, bundled, from_files
from grader.checks import registry
from grader.parts import MOST_BYTES, PartDefinition, PartKind, usual_file_names

HW13 = bundled("hw13")
ROOT = Path(__file__).parents[2]


def former(text: str) -> str:
    """The text of an `assignment.toml` as it was before parts were data."""
    text = re.sub(r"\[\[parts\]\]\n.*?(?=\[\[questions\]\])", "", text, flags=re.S)
    text = re.sub(r"\[questions\.text\]\n.*?(?=\[questions\.options\])", "", text, flags=re.S)
    text = re.sub(r"^(entry|classes|input_shape|parameter_limit) = .*\n", "", text, flags=re.M)
    top = "classes = 11\ninput_shape = [3, 224, 224]\nparameter_limit = 100_000\n"
    return text.replace("version = 1\n", f"version = 1\n{top}")


def test_an_assignment_in_the_former_form_reads_like_the_present_one() -> None:
    text = former(HW13.files["assignment.toml"])
    assert "[[parts]]" not in text
    assert "entry =" not in text
    stored = from_files({**HW13.files, "assignment.toml": text})
    without_texts = HW13.model_copy(
        update={"questions": tuple(question.model_copy(update={"text": {}}) for question in HW13.questions)}
    )
    assert stored.model_dump(exclude={"digest", "files"}) == without_texts.model_dump(exclude={"digest", "files"})
    assert stored.files["assignment.toml"] == text, "the stored text is what its digest covers"


def definition(**fields: Any) -> PartDefinition:
    """A part with these fields."""
    return PartDefinition(**{"name": "part", "kind": "code", "title": {"en": "Part"}} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "assignment"},
        {"name": "repair"},
        {"name": "Part"},
        {"name": "a-b"},
        {"name": ""},
        {"kind": "video"},
        {"size": 0},
        {"size": MOST_BYTES + 1},
        {"unheard_of": 1},
    ],
)
def test_a_part_that_no_form_could_have_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        definition(**fields)


def test_the_only_part_of_its_kind_is_every_file_of_that_kind() -> None:
    one, other = definition(name="network"), definition(name="objective")
    figure = definition(name="figure", kind="picture")
    assert usual_file_names([one, figure])["network"] == (
        "network.py",
        "network.ipynb",
        "*network*.py",
        "*network*.ipynb",
        "*.py",
        "*.ipynb",
    )
    assert "*.png" in usual_file_names([one, figure])["figure"]
    assert "*.py" not in usual_file_names([one, other])["network"]
    assert usual_file_names([definition(files=("a.py",))]) == {"part": ("a.py",)}


def test_every_kind_has_a_size_and_suffixes() -> None:
    for kind in PartKind:
        part = definition(kind=kind)
        assert 0 < part.limit <= MOST_BYTES
        assert all(suffix.startswith(".") for suffix in part.suffixes)
    assert definition(size=5).limit == 5


def test_an_assignment_has_each_part_once() -> None:
    part = HW13.parts[0].model_dump()
    with pytest.raises(ValidationError, match="two parts have the same name"):
        Assignment(**HW13.model_dump() | {"parts": [part, part, *HW13.parts[1:]]})


def test_a_text_shows_numbers_of_the_options_and_leaves_other_braces() -> None:
    question = Question(
        number="1",
        check="architecture",
        points=0.5,
        parts=("model",),
        title={"en": "T"},
        text={"en": "{points} of {limit}, {entry} {unknown} {}"},
        options={"limit": 60_000, "entry": "f"},
    )
    assert question.task("zh-Hant") == "0.5 of 60,000, {entry} {unknown} {}"


@pytest.mark.parametrize("slug", ["hw13", "hw13-2023"])
def test_each_question_of_hw13_has_a_text_in_both_languages(slug: str) -> None:
    for question in bundled(slug).questions:
        assert set(question.text) == {"en", "zh-Hant"}
        for tag in question.text:
            assert not re.search(r"\{[a-z_]+\}", question.task(tag)), "each name is an option"


def test_the_guide_for_authors_names_every_key() -> None:
    guide = (ROOT / "docs/new-assignment.md").read_text()
    models = (Assignment, Schedule, LateRule, PartDefinition, Question)
    keys = {name for model in models for name in model.model_fields} - {"digest"}  # made of the files
    options = {name for check in registry.CHECKS.values() for name in check.options_type.model_fields}
    values = {*PartKind, *registry.CHECKS}
    assert {name for name in keys | options | values if f"`{name}`" not in guide and f"[{name}]" not in guide} == set()
    for kind in PartKind:
        part = definition(kind=kind)
        assert re.search(rf"\| `{kind}` \|.*\| {filters.size(part.limit)} \|", guide)


@pytest.mark.parametrize(
    ("text", "shown", "absent"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;", "<script"),
        ("a <b onclick=x>b</b>", "&lt;b onclick=x&gt;", "<b"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))", "<a"),
        ("[a](https://example.org)", '<a href="https://example.org">a</a>', "script"),
        ("![a](https://example.org/a.png)", "a</a>", "<img"),
        ("# Heading", "# Heading", "<h1"),
        ("a\n\n- b\n- c", "<li>b</li>", "<h"),
        ("| a |\n| --- |\n| 1 |", "<td>1</td>", "| 1 |"),
        ("`x < y`", "<code>x &lt; y</code>", "< y"),
    ],
)
def test_markdown_becomes_harmless_html(text: str, shown: str, absent: str) -> None:
    html = markdown.to_html(text)
    assert shown in html
    assert absent not in html
