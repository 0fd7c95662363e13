"""Questions with one choice: answers as students write them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.assignment import bundled
from grader.checks import choice

TEMPERATURE = bundled("hw13").question("2.2")
SPEED = bundled("hw13").question("3.2")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("softer", "softer"),
        (" Softer. ", "softer"),
        ("ＳＯＦＴＥＲ", "softer"),
        ("(B) softer", "softer"),
        ("b. Softer", "softer"),
        ("harder", "harder"),
        ("Using a higher value for T produces a softer probability distribution over classes.", "softer"),
        ("softer, not harder", "softer"),
        (TEMPERATURE.options["choices"]["softer"]["zh-Hant"], "softer"),
        (TEMPERATURE.options["choices"]["harder"]["en"].upper(), "harder"),
        ("not harder", None),
        ("A lower T gives a harder distribution", None),
        ("less harder", None),
        ("A higher T doesn't make it harder", None),
        ("it isn't softer", None),
        ("harder when T is small", None),
        ("softer, because the smaller logits come closer", "softer"),
        ("T 越小越 harder", None),
        ("harder or softer", None),
        ("B", None),
        ("it depends", None),
        ("softest", None),
    ],
)
def test_temperature(written: str, meant: str | None) -> None:
    assert choice.choose(written, TEMPERATURE.options["choices"]) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("NO!", "no"),
        ("n", "no"),
        ("false", "no"),
        ("不行", "no"),
        ("No. Such pruning technique in the tutorial is just to add some masks to the modules.", "no"),
        ("不行：教學中的剪枝只是加上遮罩，計算量幾乎不變。", "no"),
        ("yes", "yes"),
        ("true", "yes"),
        ("Yes. After pruning, the neurons are removed.", "yes"),
        ("可以", "yes"),
        ("Yes and no", None),
        ("Yes, the amount of calculation is the same", None),
        ("是，不會變快", None),
        ("No doubt it is faster", None),
        ("not", None),
        ("nothing changes", None),
        ("know", None),
        ("N/A", None),
        ("n.a.", None),
        ("No idea.", None),
        ("否，只是加上 mask", "no"),
    ],
)
def test_speed(written: str, meant: str | None) -> None:
    assert choice.choose(written, SPEED.options["choices"]) == meant


def test_reading_that_is_not_literal_is_told() -> None:
    found = choice.measure({"3.2": "No. Only masks."}, SPEED)
    assert found.answer == "no"
    assert [note.id for note in found.notes] == ["choice.read_as"]
    assert choice.measure({"3.2": " No "}, SPEED).notes == ()


@pytest.mark.parametrize("key", ["2.2", "Q2.2", " q2-2 ", "Question 2.2", "2_2", "２．２", "第2.2題"])
def test_number_of_a_question_is_known_in_every_spelling(key: str) -> None:
    assert choice.read_answers(json.dumps({key: "softer"}).encode()) == {"2.2": "softer"}


def test_plain_number_wins_over_another_spelling() -> None:
    assert choice.read_answers(b'{"2.2": "softer", "Q2.2": "harder", "2.20": "x"}') == {"2.2": "softer", "2.20": "x"}


def test_unclear_answer_stays_as_written() -> None:
    assert choice.measure({"2.2": "maybe"}, TEMPERATURE).answer == "maybe"


@pytest.mark.parametrize("answers", [None, {}, {"3.2": "no"}, {"2.2": ""}, {"2.2": "  "}])
def test_missing_answer_was_not_submitted(answers: dict[str, str] | None) -> None:
    assert not choice.measure(answers, TEMPERATURE).submitted


def test_the_chapters_number_will_do_where_the_answer_is_one_of_the_questions() -> None:
    found = choice.measure({"2": "softer", "3": "no"}, TEMPERATURE)
    assert (found.answer, [note.id for note in found.notes]) == ("softer", ["choice.read_as"])
    assert not choice.measure({"2": "7.5", "3": "no"}, TEMPERATURE).submitted


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"2.2 Temperature": "softer"}, {"2.2": "softer"}),
        ({"hw13-2.2": "softer", "Problem 3.2 (speed)": "no"}, {"2.2": "softer", "3.2": "no"}),
        ({"2.2": "softer", "2.2 reason": "harder"}, {"2.2": "softer", "2.2 reason": "harder"}),
        ({"2.2 answer": "softer", "2.2 reason": "harder"}, {"2.2 answer": "softer", "2.2 reason": "harder"}),
        ({"2.2 and 3.2": "no"}, {"2.2 and 3.2": "no"}),
        ({"version 12.2.2": "no"}, {"version 12.2.2": "no"}),
    ],
)
def test_number_in_a_key_of_many_words_is_found_where_there_is_one(
    written: dict[str, str], read: dict[str, str]
) -> None:
    assert choice.read_answers(json.dumps(written).encode()) == read


def test_keys_that_are_no_number_are_named() -> None:
    found = choice.measure({"temperature": "softer", "3.2": "no"}, TEMPERATURE)
    assert not found.submitted
    assert [(note.id, note.params["keys"]) for note in found.notes] == [("choice.other_keys", ["temperature"])]
    assert choice.measure({"3.2": "no"}, TEMPERATURE).notes == ()


def test_answers_are_read() -> None:
    data = json.dumps({" 2.2": "softer", "3.2": False, "4": 7, "5": None, "6": 1.5}).encode("utf-8-sig")
    assert choice.read_answers(data) == {"2.2": "softer", "3.2": "false", "4": "7", "5": "", "6": "1.5"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no text"),
        (b"softer", "no valid JSON"),
        (b'{"2.2": "softer",}', "line 1, column"),
        ('{“2.2”: “softer”}'.encode(), "straight double quotes"),
        (b'["softer", "no"]', "JSON object"),
        (b'"softer"', "JSON object"),
        (b"3", "JSON object"),
        (b'{"2.2": ["softer"]}', "2.2 must be a text"),
        (b'{"2.2": {"a": 1}}', "2.2 must be a text"),
        (json.dumps({"2.2": "x" * 5000}).encode(), "5000 characters"),
        (json.dumps({str(n): "x" for n in range(200)}).encode(), "200 answers"),
        (b"[" * 200_000, "no valid JSON"),
        (b'{"a":' * 100_000, "no valid JSON"),
        (b"\x89PNG\r\n\x1a\n", "no text"),
    ],
)  # fmt: skip
def test_unusable_answers_say_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(choice.AnswersError, match=words):
        choice.read_answers(data)


def test_number_with_many_digits_is_a_text() -> None:
    assert choice.read_answers(b'{"2.2": ' + b"9" * 1500 + b"}") == {"2.2": "9" * 1500}


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    answers: dict[str, str] = {}
    with contextlib.suppress(choice.AnswersError):
        answers = choice.read_answers(data)
    assert all(isinstance(answer, str) for answer in answers.values())


@given(st.text(max_size=60))
def test_any_answer_is_measured(written: str) -> None:
    for question in (TEMPERATURE, SPEED):
        found = choice.measure({question.number: written}, question)
        assert found.submitted == bool(written.strip())
        assert choice.measure({question.number: written}, question) == found
