"""Questions 2.2 and 3.2: one choice of several. `choice_reading` reads one answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grader.assignment import Question
from grader.checks.choice import choice_reading
from grader.checks.choice.evidence import ChoiceEvidence, ChoiceFact
from grader.checks.choice.options import ChoiceOptions
from grader.evidence import Observation


def measure(answers: Mapping[str, str], question: Question) -> ChoiceEvidence:
    """The choice that an answer names. An answer that names no choice, or several, stays as it was written."""
    written = answers.get(question.number, "").strip()
    if not written:
        return _under_another_key(answers, question)
    choice = choose(written, question)
    if choice is None:
        return ChoiceEvidence(answer=written)
    note = Observation(id=ChoiceFact.READ_AS, params={"written": written[:200], "answer": choice})
    return ChoiceEvidence(answer=choice, notes=() if choice_reading.fold(written) == choice else (note,))


def choose(written: str, question: Question) -> str | None:
    """The one choice of the question that an answer names without other statements, or ``None``."""
    options = question.typed_options(ChoiceOptions)
    return choice_reading.choose(written, options.choices, options.wordings)


def _under_another_key(answers: Mapping[str, str], question: Question) -> ChoiceEvidence:
    """An answer under the chapter's number alone, if it is a choice of this question; else a note on unknown keys."""
    chapter = question.number.partition(".")[0]
    choice = choose(answers.get(chapter, ""), question)
    if choice is not None:
        note = Observation(
            id=ChoiceFact.READ_AS, params={"written": f"{chapter}: {answers[chapter][:200]}", "answer": choice}
        )
        return ChoiceEvidence(answer=choice, notes=(note,))
    elsewhere = answers.get(chapter, "").strip()
    if choice_reading.mentions(elsewhere, question.typed_options(ChoiceOptions).choices):
        return ChoiceEvidence(answer=elsewhere)
    others = [key[:40] for key in answers if not re.fullmatch(r"\d+\.\d+", key)]
    note = Observation(id=ChoiceFact.OTHER_KEYS, params={"number": question.number, "keys": others[:5]})
    return ChoiceEvidence(submitted=False, notes=(note,) if others else ())
