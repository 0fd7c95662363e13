"""The catalogue is complete: every id that code can emit has a text in every language, and no text is left over."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import grader
from grader import messages
from grader.assignment import bundled, bundled_slugs
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.kd_loss import kd_rubric
from grader.evidence import Fault, Note, Outcome, Overrun

ROOT = Path(grader.__file__).parent
PREFIXES = (
    "weights", "model", "code", "summary", "choice", "pruning", "fault", "intake", "kd", "function",
    "not_submitted", "reading", "withheld",
)  # fmt: skip
_ID = re.compile(rf"(?:{'|'.join(PREFIXES)})(?:\.[a-z0-9_]+)+")
_PATTERN = re.compile(rf"(?:{'|'.join(PREFIXES)})(?:\.[a-z0-9_*]+)+")


def emitted() -> tuple[set[str], set[str]]:
    """Ids that the engine's source and data name: whole ones, and patterns of f-strings with ``*`` for a part."""
    whole, patterns = {"not_submitted"}, set[str]()
    sandbox = ROOT / "sandbox"
    for path in ROOT.rglob("*.py"):
        if sandbox in path.parents:
            continue  # its "model.build" and the like are requests to a child
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        formatted = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        pieces = {id(piece) for node in formatted for piece in node.values}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
                whole.update([node.value] if _ID.fullmatch(node.value) else [])
        for node in formatted:
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
            patterns.update([text] if _PATTERN.fullmatch(text) else [])
    for slug in bundled_slugs():
        for question in bundled(slug).questions:
            for mistake in kd_rubric.rows(bundled(slug), question):
                whole.update(mistake.split("+"))
    requests = {f"model.{name}" for name in ("build", "count", "layers", "forward", "train_step", "export")}
    requests |= {"function.inspect", "function.call"}
    files = {"model.py", "model.onnx", "code.py"}
    return whole - requests - files, patterns


def expansions(pattern: str) -> set[str]:
    """What a pattern stands for, where its part comes from a closed set; every text that fits it otherwise."""
    stages = ("intake", "load", "build", "forward", "backward", "call")
    verification = get_args(ArchitectureEvidence.model_fields["verification"].annotation)
    closed = {
        "fault.*": {f"fault.{fault}" for fault in Fault if fault is not Fault.STUDENT},
        "code.error.*": {f"code.error.{stage}" for stage in stages},
        "code.*": {f"code.{outcome}" for outcome in Outcome if outcome not in (Outcome.OK, Outcome.ERROR)},
        "reading.*": {f"reading.{outcome}" for outcome in get_args(Overrun.model_fields["outcome"].annotation)},
        "choice.*": {"choice.right", "choice.wrong"},
        "model.unverified.*": {f"model.unverified.{state}" for state in verification} - _settled(),
    }
    if pattern in closed:
        return closed[pattern]
    shape = re.compile(re.escape(pattern).replace(r"\*", r"[a-z0-9_.]+"))
    return {message_id for message_id in messages.ids() if shape.fullmatch(message_id)}


def _settled() -> set[str]:
    return {"model.unverified.pending", "model.unverified.confirmed"}


def test_every_emitted_id_has_a_text() -> None:
    whole, patterns = emitted()
    wanted = whole.union(*(expansions(pattern) for pattern in patterns))
    assert sorted(wanted - messages.ids()) == []
    assert [pattern for pattern in sorted(patterns) if not expansions(pattern)] == []


def test_every_text_is_used() -> None:
    whole, patterns = emitted()
    used = whole.union(*(expansions(pattern) for pattern in patterns))
    # The mistakes that a diagnosis can name live as reference variants and as data, checked with the examiner.
    unused = {message_id for message_id in messages.ids() - used if not message_id.startswith("kd.")}
    assert sorted(unused) == []


@pytest.mark.parametrize("message_id", sorted(messages.ids()))
def test_text_is_complete(message_id: str) -> None:
    texts = messages.catalogue()[message_id]
    assert set(texts) == set(messages.LANGUAGES)
    places = {language: set(_places(text)) for language, text in texts.items()}
    assert places["en"] == places["zh-Hant"]
    assert re.search(r"[\u4e00-\u9fff]", texts["zh-Hant"]) or texts["zh-Hant"] == "{text}"
    assert texts["en"].count("[[") == texts["en"].count("]]")


def _places(text: str) -> list[str]:
    plain = text.replace("[[", "").replace("]]", "")
    return [name for _, name, _, _ in string.Formatter().parse(plain) if name is not None]


def test_numbers_are_grouped_and_lists_joined() -> None:
    note = Note(id="model.too_many_parameters", params={"parameters": 100_001, "limit": 100_000, "excess": 1})
    assert "100,001" in messages.render(note)
    note = Note(id="intake.dropped", params={"count": 2, "lines": [3, 1200]})
    assert "3, 1200" in messages.render(note)
    note = Note(id="intake.import_dropped", params={"module": ["pandas", "tqdm"]})
    assert "pandas, tqdm" in messages.render(note)
    assert "pandas、tqdm" in messages.render(note, "zh-Hant")
    shape = Note(id="kd.value.shape", params={"shape": [32, 11]})
    assert "32, 11" in messages.render(shape, "zh-Hant")


def test_language_falls_back_to_english() -> None:
    note = Note(id="code.empty")
    assert messages.render(note, "fr") == messages.render(note, "en") != messages.render(note, "zh-Hant")


def test_unknown_id_reads_as_itself() -> None:
    assert messages.render(Note(id="no.such.id")) == "no.such.id"


def test_optional_words_need_their_parameters() -> None:
    full = messages.render(Note(id="code.syntax_error", params={"message": "bad", "line": 3, "source": "x ="}))
    assert "code: bad (line 3: x =)." in full
    assert "code (line 3)." in messages.render(Note(id="code.syntax_error", params={"line": 3, "source": None}))
    assert "code. " in messages.render(Note(id="code.syntax_error"))


@pytest.mark.parametrize(("params", "english", "chinese"), [
    ({"line": 1200}, "line 1200", "第 1200 行"),
    ({"line": 3, "cell": 5}, "cell 5, line 3", "第 5 個儲存格第 3 行"),
    ({"line": 3, "cell": None}, "line 3", "第 3 行"),
])  # fmt: skip
def test_place_is_written_the_same_in_every_message(params: dict[str, Any], english: str, chinese: str) -> None:
    naming = [name for name, texts in messages.catalogue().items() if "{place}" in texts["en"]]
    assert len(naming) > 30
    for name in naming:
        assert english in messages.render(Note(id=name, params=params))
        assert chinese in messages.render(Note(id=name, params=params), "zh-Hant")


def test_no_text_writes_a_line_by_itself() -> None:
    assert [name for name in messages.ids() if {"line", "lines"} & set(_places(messages.catalogue()[name]["en"]))] == []


@pytest.mark.parametrize(("count", "text"), [
    (1, "1 statement was skipped (training, plots, unused code): line 3."),
    (2, "2 statements were skipped (training, plots, unused code): line 3."),
    (1200, "1,200 statements were skipped (training, plots, unused code): line 3."),
])  # fmt: skip
def test_number_decides_the_words(count: int, text: str) -> None:
    assert messages.render(Note(id="intake.dropped", params={"count": count, "lines": [3]})) == text


@pytest.mark.parametrize("message_id", sorted(messages.ids()))
def test_one_of_a_thing_is_not_called_several(message_id: str) -> None:
    names = _places(messages.catalogue()[message_id]["en"])
    text = messages.render(Note(id=message_id, params=dict.fromkeys(names, 1)))
    plurals = "statements|lines|points|characters|tensors|weights are|rows with|steps|cases differ|cases\\)"
    assert not re.search(rf"(?<![\\d=] )\\b1 (?:{plurals})\\b", text), text


def test_translated_parameter_follows_the_language() -> None:
    note = Note(id="choice.right", params={"choice": {"en": "No.", "zh-Hant": "不行。"}})
    assert messages.render(note, "en").endswith("No.")
    assert messages.render(note, "zh-Hant").endswith("不行。")


def test_student_text_is_never_a_template() -> None:
    """A name such as ``{x.__class__}`` or ``[[{y}]]`` in student code is shown as it is."""
    text = messages.render(Note(id="code.missing_name", params={"name": "{line.__class__}[[{y}]]", "line": 3}))
    assert "{line.__class__}[[{y}]]" in text


def test_student_text_stays_on_one_short_line() -> None:
    params = {"type": "E", "message": "a\n\x1b[31m\u202eb" + "c" * 5000, "line": 1, "source": "x"}
    text = messages.render(Note(id="code.error.load", params=params))
    assert "\n" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < 900


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_rendering_never_fails(data: st.DataObject) -> None:
    message_id = data.draw(st.sampled_from(sorted(messages.ids())))
    text = messages.catalogue()[message_id]["en"]
    names = _places(text) or ["x"]
    params = data.draw(st.dictionaries(st.sampled_from(names), _values))
    for language in (*messages.LANGUAGES, "fr"):
        # A message that is its parameter alone may be empty.
        assert messages.render(Note(id=message_id, params=params), language) or text == "{text}"


def skipped(*modules: str) -> Note:
    return Note(id="intake.import_dropped", params={"module": list(modules), "line": 1})


STATEMENTS = Note(id="intake.dropped", params={"count": 2, "lines": [3, 4]})


def folded(*modules: str) -> Note:
    return Note(id="intake.dropped", params={**STATEMENTS.params, "module": list(modules)})


OK = Note(id="model.ok", params={"parameters": 1, "limit": 2})


@pytest.mark.parametrize(("questions", "said"), [
    ([(OK, skipped("pandas")), (skipped("pandas"),)], [(OK, skipped("pandas")), ()]),
    ([(skipped("pandas"),), (skipped("tqdm", "pandas"), OK)], [(skipped("pandas", "tqdm"),), (OK,)]),
    ([(), (STATEMENTS, OK), (STATEMENTS,), (OK, STATEMENTS)], [(), (STATEMENTS, OK), (), (OK,)]),
    ([(skipped("a"), STATEMENTS)] * 8, [(folded("a"),), *[()] * 7]),
    ([(OK, STATEMENTS), (skipped("b"), OK)], [(OK, folded("b")), (OK,)]),
    ([(skipped("a"), OK), (STATEMENTS, skipped("b"))], [(folded("a", "b"), OK), ()]),
    ([(OK,), (OK,)], [(OK,), (OK,)]),
    ([(Note(id="intake.import_dropped", params={"module": "old"}),), (skipped("new"),)],
     [(Note(id="intake.import_dropped", params={"module": ["old", "new"]}),), ()]),
])  # fmt: skip
def test_skipped_imports_and_statements_are_named_once_a_report(
    questions: list[tuple[Note, ...]], said: list[tuple[Note, ...]]
) -> None:
    assert messages.once_a_report(questions) == said
