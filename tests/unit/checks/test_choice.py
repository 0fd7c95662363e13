"""Questions with one choice: answers as students write them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import scoring
from grader.answers import AnswersError, read_answers
from grader.assignment import bundled
from grader.checks.choice import measure as choice
from grader.scoring import Verdict

HW13 = bundled("hw13")
TEMPERATURE = HW13.question("2.2")
SPEED = HW13.question("3.2")


HONEST = {
    "softer": [
        *(
            "softer",
            " Softer. ",
            "ＳＯＦＴＥＲ",
            "SOFTER!!",
            "**softer**",
            "`softer`",
            "> softer",
            "- [x] softer",
            '"softer"',
        ),
        *("(B) softer", "b. Softer", "b) softer", "B: softer", "2. softer", "2.2 softer", "Q2.2: softer", "softer (b)"),
        *("B", "b", "B.", "(b)", "[B]", "Option B", "Answer: (b)", "選 B", "答案：Ｂ", "2.2: B"),
        *(
            "Answer: softer",
            "My answer is softer.",
            "I choose softer",
            "I think it's softer",
            "答案是 softer",
            "我選 softer。",
        ),
        *("softer, not harder", "softer softer", "softer, thank you!", "softer\n"),
        "Using a higher value for T produces a softer probability distribution over classes.",
        "✓ Using a higher value for T produces a softer probability distribution over classes.",
        "B. A higher T gives a softer probability distribution over classes",
        "a softer probability distribution",
        TEMPERATURE.options["choices"]["softer"]["zh-Hant"],
    ],
    "harder": ["harder", "A", "(a)", "A. harder", TEMPERATURE.options["choices"]["harder"]["en"].upper()],
    "no": [
        *("no", "NO!", "No.", "n", "N.", "false", "No, no.", "no, not yes"),
        *("否", "不行", "不行。", "不可以", "不能", "不會", "答案是否", "我認為不行", "答：否", "(2) 否", "選項 B"),
        *("B", "b)", "(b) no", "Answer: no", "The answer is no.", "3.2 no", "**No**"),
        "No. Such pruning technique in the tutorial is just to add some masks to the modules.",
        "✓ No. Such pruning technique in the tutorial is just to add some masks to the modules. The amount of "
        "calculation is nearly the same so the inference time is also similar.",
        "No: the tutorial's pruning only adds masks",
        "不行：教學中的剪枝只是加上遮罩，計算量幾乎不變。",
        "不行，計算量幾乎不變",
    ],
    "yes": [
        *(
            "yes",
            "true",
            "Y",
            "A",
            "可以",
            "可以。",
            "會",
            "能",
            "是",
            "是的",
            "答案是可以",
            "Yes. After pruning, the neurons are removed.",
        ),
        "Yes. After pruning, the neurons are removed so the amount of calculation is lower and the inference time is "
        "faster.",
    ],
}
FOR_REVIEW = {
    "2.2": [
        *(
            *("softer?", "softer, A", "softer (a)", "1. softer", "2. harder", "softer -> harder", "softer: false"),
            *("anything but softer", "softer, or so they say", "softer 才怪", "lower T gives a softer distribution"),
            "not harder",
            "not softer",
            "isn't softer",
            "never softer",
            "!softer",
            "~~softer~~",
            "❌ softer",
            "softer ✗",
            "≠ softer",
        ),
        *(
            "A lower T gives a harder distribution",
            "less harder",
            "A higher T doesn't make it harder",
            "it isn't softer",
        ),
        *(
            "harder when T is small",
            "T 越小越 harder",
            "harder or softer",
            "softer / harder",
            "softer than softer is harder",
        ),
        *(
            "softer, because the smaller logits come closer",
            "softer for small T",
            "softer, just kidding",
            "softer is wrong",
        ),
        *(
            "it depends",
            "softest",
            "C",
            "A softer harder",
            "(A) softer",
            "B or A",
            "a b",
            "2",
            "I don't think it is softer",
        ),
        *(
            "Using a lower value for T produces a softer probability distribution over classes.",
            "不是 softer",
            "softer 才怪",
        ),
        *("- [ ] softer\n- [x] harder", "softer, as the teacher gets more certain", "answer", "the", "?", "softer not"),
    ],
    "3.2": [
        *("no?", "no a", "no. A", "1. no", "no way it is slower", "no doubt: yes", "no = yes", "可以嗎？", "不行才怪"),
        *("No, the inference time is faster", "Yes, the amount of calculation is nearly the same", "no idea"),
        "No; pruned neurons are removed, so it is faster",
        "No. After pruning, the neurons are removed so the amount of calculation is lower and the inference time is "
        "faster.",
        "Yes: the tutorial's pruning only adds masks; the amount of calculation is nearly the same.",
        "Yes, the amount of calculation is the same",
        "no, because masks only multiply",
        *(
            "Yes and no",
            "yes, no",
            "yes/no",
            "no way it stays slow",
            "No doubt it is faster",
            "No idea.",
            "no answer",
            "No clue",
        ),
        *(
            "是，不會變快",
            "否，只是加上 mask",
            "會不會",
            "可不可以",
            "能不能",
            "是否",
            "不是不行",
            "不會不可以",
            "不見得",
            "可以，但不會變快",
        ),
        *(
            "not",
            "nothing changes",
            "know",
            "N/A",
            "n.a.",
            "n/a (b)",
            "no it is faster",
            "no: faster",
            "not no",
            "no problem",
        ),
        *(
            "A. No",
            "yes it can, a lot",
            "No? It is faster!",
            "no … wait, yes",
            "never",
            "¬no",
            "no 才怪",
            "false positive",
        ),
    ],
}


@pytest.mark.parametrize(("key", "written"), [(key, one) for key, forms in HONEST.items() for one in forms])
def test_choice_and_nothing_beside_it_is_read(key: str, written: str) -> None:
    question = TEMPERATURE if key in TEMPERATURE.options["choices"] else SPEED
    assert choice.choose(written, question) == key


@pytest.mark.parametrize(
    ("number", "written"), [(number, one) for number, forms in FOR_REVIEW.items() for one in forms]
)
def test_answer_that_says_more_than_a_choice_waits_for_review(number: str, written: str) -> None:
    evidence = choice.measure({number: written}, HW13.question(number))
    assert evidence.answer == written.strip()
    score = scoring.score(HW13, number, evidence)
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 0)
    assert [note.id for note in score.messages] == ["choice.unknown"]


def test_part_of_a_text_that_denies_is_read_by_whole_clauses_only() -> None:
    options = {
        "key": "same",
        "choices": {
            "same": {"en": "same: the result does not change, whatever T is"},
            "other": {"en": "other: it changes"},
        },
    }
    question = TEMPERATURE.model_copy(update={"options": options})
    assert choice.choose("same: the result does not change", question) == "same"
    assert choice.choose("same: change", question) is None
    assert choice.choose("same: the result does", question) is None


@pytest.mark.parametrize("written", ["no " * 650, "the " * 500, "不" * 2000, "a) " * 600, "No. Such pruning " * 100])
def test_long_answer_is_read_at_once(written: str) -> None:
    assert choice.choose(written, SPEED) in (None, "no")


def test_reading_that_is_not_literal_is_reported() -> None:
    evidence = choice.measure({"3.2": "No. Only adds masks."}, SPEED)
    assert evidence.answer == "no"
    assert [note.id for note in evidence.notes] == ["choice.read_as"]
    assert choice.measure({"3.2": " No "}, SPEED).notes == ()


@pytest.mark.parametrize("key", ["2.2", "Q2.2", " q2-2 ", "Question 2.2", "2_2", "２．２", "第2.2題"])
def test_number_of_a_question_is_read_in_every_spelling(key: str) -> None:
    assert read_answers(json.dumps({key: "softer"}).encode()) == {"2.2": "softer"}


def test_plain_number_wins_over_another_spelling() -> None:
    assert read_answers(b'{"2.2": "softer", "Q2.2": "harder", "2.20": "x"}') == {"2.2": "softer", "2.20": "x"}


def test_unclear_answer_stays_as_written() -> None:
    assert choice.measure({"2.2": "maybe"}, TEMPERATURE).answer == "maybe"


@pytest.mark.parametrize("answers", [{}, {"3.2": "no"}, {"2.2": ""}, {"2.2": "  "}])
def test_missing_answer_was_not_submitted(answers: dict[str, str]) -> None:
    assert not choice.measure(answers, TEMPERATURE).submitted


def test_chapter_number_is_a_key_if_the_answer_fits_the_question() -> None:
    evidence = choice.measure({"2": "softer", "3": "no"}, TEMPERATURE)
    assert (evidence.answer, [note.id for note in evidence.notes]) == ("softer", ["choice.read_as"])
    assert not choice.measure({"2": "7.5", "3": "no"}, TEMPERATURE).submitted
    beyond = choice.measure({"2": "softer than before?", "3": "no"}, TEMPERATURE)
    assert (beyond.submitted, beyond.answer) == (True, "softer than before?")


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
def test_only_number_in_a_longer_key_is_used(written: dict[str, str], read: dict[str, str]) -> None:
    assert read_answers(json.dumps(written).encode()) == read


def test_keys_that_are_no_number_are_named() -> None:
    evidence = choice.measure({"temperature": "softer", "3.2": "no"}, TEMPERATURE)
    assert not evidence.submitted
    assert [(note.id, note.params["keys"]) for note in evidence.notes] == [("choice.other_keys", ["temperature"])]
    assert choice.measure({"3.2": "no"}, TEMPERATURE).notes == ()


def test_answers_are_read() -> None:
    data = json.dumps({" 2.2": "softer", "3.2": False, "4": 7, "5": None, "6": 1.5}).encode("utf-8-sig")
    assert read_answers(data) == {"2.2": "softer", "3.2": "false", "4": "7", "5": "", "6": "1.5"}


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
    with pytest.raises(AnswersError, match=words):
        read_answers(data)


def test_number_with_many_digits_is_a_text() -> None:
    assert read_answers(b'{"2.2": ' + b"9" * 1500 + b"}") == {"2.2": "9" * 1500}


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    answers: dict[str, str] = {}
    with contextlib.suppress(AnswersError):
        answers = read_answers(data)
    assert all(isinstance(answer, str) for answer in answers.values())


@given(st.text(max_size=60))
def test_any_answer_is_measured(written: str) -> None:
    for question in (TEMPERATURE, SPEED):
        evidence = choice.measure({question.number: written}, question)
        assert evidence.submitted == bool(written.strip())
        assert choice.measure({question.number: written}, question) == evidence
