"""Find the choice that an answer names, if the answer says nothing else. All other answers need review.

A sentence around a choice can reverse it ("No; pruned neurons are removed, so it is faster"), and no list of words
covers every way to do so. So an answer counts as a choice only if each of its words belongs to that choice: a label, a
short introduction, the choice itself, or words of the choice's own text.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

_SYNONYMS = {
    "yes": ("yes", "true", "是", "是的", "對", "可以", "能", "會"),
    "no": ("no", "false", "否", "不", "不是", "不可以", "不能", "不會", "不行"),
}
_INITIALS = {"yes": "y", "no": "n"}
"""Only an initial alone is an answer: "N/A" is none."""
_INTRODUCTORY_WORDS = (
    "my the our answer ans is are it s should would be i choose chose pick select selected choice option think believe"
)
_INTRODUCTIONS = frozenset([*_INTRODUCTORY_WORDS.split(), *"我的你答案是為为應应該该選选擇择認认覺觉得項项題题"])
"""Words, and Chinese characters, that introduce an answer."""
_CLOSINGS = frozenset(["thank", "thanks", "you", *"謝谢"])
_ARTICLES = frozenset(["a", "an", "the"])
_DENYING = frozenset(["not", "no", "never", "cannot", "nor", "neither", "without", *"不沒没無无非未否"])
"""Without one of these a text may mean the opposite, so an answer must repeat whole clauses of such a text."""
_DENYING_SIGNS = re.compile(r"~~|^\W*!|[?❌✗✘✖×≠¬🚫👎]")
_NUMBER = re.compile(r"\W*(?:q|question|第)?\s*\d{1,2}\s*[.\-_]\s*\d{1,2}(?![\d.])\s*[題题]?")
_LABEL = re.compile(r"\W*([a-z])\s*[).:\]、]\W*(?=\w)")
_BOX = re.compile(r"[\s>*+-]*[\[(]\s*x\s*[\])]")
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or one character of Chinese or Japanese."""
_CLAUSE_END = re.compile(r"[.:;,!?。、\n]")
_Tokens = tuple[str, ...]


def choose(written: str, choices: Mapping[str, Mapping[str, str]], wordings: Mapping[str, Sequence[str]]) -> str | None:
    """The one choice that a text names without other statements, or ``None``.

    ``choices``: the texts of each choice by language. ``wordings``: other texts of a choice, as on the homework's page.
    A letter names the choice at its position.
    """
    text = fold(written)
    if _DENYING_SIGNS.search(text):
        return None
    texts = {text, _BOX.sub("", _NUMBER.sub("", text, count=1), count=1)}
    forms = [_Forms(key, choices, wordings.get(key, ())) for key in choices]
    keys = {form.key for form in forms for variant in texts if form.include(variant)}
    return keys.pop() if len(keys) == 1 else None


def mentions(written: str, choices: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a word of the text names a choice, among any other words."""
    words = set(_tokens(fold(written)))
    return any(words.issuperset(name) for key in choices for name in _Forms(key, choices, ()).names)


def fold(text: str) -> str:
    """The text without differences of case and width."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").strip()


def _tokens(text: str) -> _Tokens:
    return tuple(_TOKEN.findall(text.replace("n't", " not")))


class _Forms:
    """The forms in which an answer may name one choice."""

    def __init__(self, key: str, choices: Mapping[str, Mapping[str, str]], wordings: Sequence[str]) -> None:
        self.key = key
        is_yes_or_no = choices.keys() >= _SYNONYMS.keys() and key in _SYNONYMS
        self.names = [_tokens(fold(name)) for name in (_SYNONYMS[key] if is_yes_or_no else (key,))]
        self.names.sort(key=len, reverse=True)
        self._others = [_tokens(fold(other)) for other in choices if other != key]
        position = list(choices).index(key)
        self._letter = chr(ord("a") + position)
        self._labels = {self._letter, str(position + 1)}
        self._alone = {(self._letter,), *([(_INITIALS[key],)] if is_yes_or_no else [])}
        self._texts = [_Text(text, self.names, self._others) for text in (*choices[key].values(), *wordings)]

    def include(self, text: str) -> bool:
        """Whether the text names this choice and says nothing else."""
        label = _LABEL.match(text)
        if label is not None and label[1] != self._letter:
            return False
        answer = _tokens(text[label.end() :] if label else text)
        while answer and answer[-1] in _CLOSINGS:
            answer = answer[:-1]
        start = 0
        # "是" introduces an answer only after another word; alone it is the answer.
        while start < len(answer) and answer[start] in _INTRODUCTIONS and (start or answer[start] != "是"):
            start += 1
        for position in range(start + 1):
            rest = answer[position:]
            if rest in self._alone or self._is_named(rest):
                return True
            if len(rest) > 1 and rest[0] in self._labels and self._is_named(rest[1:]):
                return True
        return False

    def _is_named(self, answer: _Tokens) -> bool:
        """Whether the answer is the choice, or a text of it, and nothing else."""
        if any(text.is_repeated(answer, with_name=True) for text in self._texts):
            return True
        name = self._name_before(answer)
        if not name:
            return False
        while answer[: len(name)] == name:
            answer = answer[len(name) :]
        refuses_another = answer[:1] == ("not",) and answer[1:] in self._others
        repeats = any(text.is_repeated(answer, with_name=False) for text in self._texts)
        return answer in ((), (self._letter,)) or refuses_another or repeats

    def _name_before(self, answer: _Tokens) -> _Tokens:
        return next((name for name in self.names if answer[: len(name)] == name), ())


class _Text:
    """A text of a choice, whose words an answer may repeat."""

    def __init__(self, text: str, names: Sequence[_Tokens], others: Sequence[_Tokens]) -> None:
        clauses = [_without_articles(_tokens(clause)) for clause in _CLAUSE_END.split(fold(text))]
        self._words = tuple(itertools.chain.from_iterable(clauses))
        self._ends = {0, *itertools.accumulate(map(len, clauses))}
        self._names = {at for at in range(len(self._words)) for name in names if self._words[at:][: len(name)] == name}
        refused = _DENYING.union(*others)
        # In "No: only masks are added" the name at the head does not deny the rest.
        head = max((len(name) for name in names if self._words[: len(name)] == name), default=0)
        self._only_clauses = not refused.isdisjoint(self._words[head:])

    def is_repeated(self, answer: _Tokens, with_name: bool) -> bool:
        """Whether the answer is a run of words of this text that contains the choice's name, or follows that name."""
        words = _without_articles(answer)
        if with_name:
            return any(not self._names.isdisjoint(range(at, at + len(words))) for at in self._runs(words))
        return any(at not in self._names for at in self._runs(words))

    def _runs(self, words: _Tokens) -> Iterator[int]:
        for at in range(len(self._words) - len(words) + 1 if words else 0):
            fits = not self._only_clauses or {at, at + len(words)} <= self._ends
            if fits and self._words[at : at + len(words)] == words:
                yield at


def _without_articles(words: _Tokens) -> _Tokens:
    # At the end, "a" is no article but the letter of a choice.
    return tuple(word for at, word in enumerate(words, start=1) if word not in _ARTICLES or at == len(words))
