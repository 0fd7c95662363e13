"""What a text without its broken pieces means for an entry point: which it needs, and which may change its result."""

from __future__ import annotations

import ast
import bisect
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from grader.evidence import Observation
from grader.intake import damage, effects, names, prose, slips, syntax
from grader.intake.facts import IntakeFact
from grader.intake.fragments import BrokenPiece, Fragments
from grader.intake.lexing import Kind, Token, logical_lines
from grader.intake.result import DropKind, DroppedPiece, note_on_pieces

_ASSIGNMENT = re.compile(r"(?:[-+*/%@&|^]|\*\*|//|>>|<<)?=")
_ACCESS_BY_TEXT = frozenset({"setattr", "delattr", "globals", "vars", "exec", "eval", "__dict__"})
_NOTE_LIMIT = 5
"""Notes of one kind."""
_BINDING_LIMIT = 100
"""Bindings on ambiguous lines that are looked up for a piece: one is enough, and a note shows five names."""


@dataclass(frozen=True)
class Losses:
    """The broken pieces by their meaning for one entry point.

    ``needed_pieces``: the entry point cannot run without them. ``changing_pieces``: each may change the values of these
    names, which the entry point needs. ``unneeded_pieces``: all others.
    """

    needed_pieces: tuple[BrokenPiece, ...] = ()
    changing_pieces: tuple[tuple[BrokenPiece, tuple[str, ...]], ...] = ()
    unneeded_pieces: tuple[BrokenPiece, ...] = ()


def assess(
    fragments: Fragments, tree: ast.Module, needed_names: frozenset[str], predefined_names: frozenset[str]
) -> Losses:
    """Sort the broken pieces for an entry point that needs these names.

    ``tree`` is the syntax tree of the readable text; ``predefined_names`` come from the prelude and from every module.
    """
    binding_lines: dict[str, list[int]] = defaultdict(list)
    last_definition: dict[str, int] = {}
    values: set[str] = set()
    for node in tree.body:
        for name in names.bound_names(node):
            binding_lines[name].append(node.lineno - 1)
            if isinstance(node, effects.Definition | ast.Import | ast.ImportFrom | ast.Assign):
                last_definition[name] = node.lineno - 1
            if not isinstance(node, effects.Definition | ast.Import | ast.ImportFrom):
                values.add(name)
    needed_bindings = sorted((line, name) for name in needed_names for line in binding_lines.get(name, ()))
    needed_pieces: list[BrokenPiece] = []
    changing_pieces: list[tuple[BrokenPiece, tuple[str, ...]]] = []
    unneeded_pieces: list[BrokenPiece] = []
    for piece in fragments.broken_pieces:
        bound_names, touched_names = _bound_and_touched(slips.with_first_word_corrected(piece.text))
        # A later definition replaces the value that the piece would give.
        bound_names = {name for name in bound_names & needed_names if last_definition.get(name, -1) < piece.first}
        ambiguous_names = _names_bound_within(piece.ambiguous_lines, needed_bindings)
        is_import = piece.text.lstrip().split(" ")[0] in {"import", "from"}
        changed_names = (
            (bound_names - (predefined_names if is_import else frozenset()))
            | (touched_names & values & needed_names)
            | ambiguous_names
        )
        if any(name not in binding_lines and name not in predefined_names for name in bound_names):
            needed_pieces.append(piece)
        elif changed_names:
            changing_pieces.append((piece, tuple(sorted(changed_names))))
        else:
            unneeded_pieces.append(piece)
    return Losses(tuple(needed_pieces), tuple(changing_pieces), tuple(unneeded_pieces))


def _names_bound_within(lines: range, bindings: list[tuple[int, str]]) -> set[str]:
    """Names that are bound on these lines. ``bindings`` are in order; so many pieces may share lines that few count."""
    begin = bisect.bisect_left(bindings, (lines.start, ""))
    end = bisect.bisect_left(bindings, (lines.stop, ""), lo=begin)
    return {name for _, name in bindings[begin : min(end, begin + _BINDING_LIMIT)]}


def shows_damage(text: str, fragments: Fragments) -> bool:
    """Whether the broken statements bear the marks of a damaged paste. Checked by line: a bracket may be open."""
    lines = [line for piece in fragments.broken_pieces if not is_prose(piece) for line in piece.text.split("\n")]
    return damage.shows_damage_by_line(text, lines)


def notes(losses: Losses) -> Iterator[Observation]:
    """Notes for the student on the broken pieces."""
    for piece, changed_names in losses.changing_pieces[:_NOTE_LIMIT]:
        yield Observation(
            id=IntakeFact.BROKEN_CHANGE, params={**syntax.place(piece.error), "names": list(changed_names[:5])}
        )
    for piece in [piece for piece in losses.unneeded_pieces if not is_prose(piece)][:_NOTE_LIMIT]:
        yield Observation(id=IntakeFact.BROKEN_UNNEEDED, params=syntax.place(piece.error))
    words = [dropped_piece(piece) for piece in losses.unneeded_pieces if is_prose(piece)]
    if words:
        yield note_on_pieces(IntakeFact.PROSE, words)


def dropped_piece(piece: BrokenPiece) -> DroppedPiece:
    """The broken piece as one that does not run."""
    kind = DropKind.PROSE if is_prose(piece) else DropKind.CELL
    return DroppedPiece.at(piece.first, kind, piece.text.strip().split("\n")[0])


def is_prose(piece: BrokenPiece) -> bool:
    """Whether the piece is words between the code rather than a statement."""
    return not (piece.is_conflict or prose.is_code(slips.with_first_word_corrected(piece.text)))


def _bound_and_touched(text: str) -> tuple[set[str], set[str]]:
    """Names that a broken piece would bind or assign to, and names whose object it may change otherwise."""
    bound_names: set[str] = set()
    touched_names: set[str] = set()
    for line in logical_lines(text):
        words = list(line.tokens)
        if not words:
            continue
        texts = [word.text for word in words]
        start = int(texts[0] == "async" and len(texts) > 1)
        if line.indent == 0 and texts[start] in {"def", "class"}:
            has_name = len(words) > start + 2 and texts[start + 2] in "([:" and words[start + 1].kind is Kind.NAME
            bound_names |= {texts[start + 1]} if has_name else set(_names(words))
            if has_name:
                return bound_names | set(re.findall(r"^\s+global\s+(\w+)", text, re.MULTILINE)), touched_names
        elif texts[0] in {"import", "from", "global", "del", "def", "class"}:
            bound_names |= set(_names(words))
        elif texts[0] == "for":
            end = next((at for at, text in enumerate(texts) if text in {"in", ":"}), None)
            bound_names |= set(_names(words[:end]))
        else:
            bound_names |= _targets(words)
        bound_names |= set(_names(words)) if _ACCESS_BY_TEXT.intersection(texts) else set()
        touched_names |= set(_touched(words))
    return bound_names, touched_names


def _names(words: list[Token]) -> Iterator[str]:
    return (word.text for word in words if word.kind is Kind.NAME and not word.is_keyword)


def _targets(words: list[Token]) -> set[str]:
    """Roots of the targets of assignments outside brackets: ``net`` of ``net.fc = Linear(8, bias=False``."""
    targets: set[str] = set()
    depth = begin = 0
    for position, word in enumerate(words):
        depth = max(depth + word.depth_change, 0)
        if not depth and word.kind is Kind.OPERATOR and _ASSIGNMENT.fullmatch(word.text):
            # A further target must be a right one: with a lost bracket, keywords of a call look like targets.
            if begin == 0 or syntax.is_readable(f"{' '.join(other.text for other in words[begin:position])} = 0"):
                targets |= set(_target_names(words[begin:position]))
            begin = position + 1
    return targets


def _target_names(words: list[Token]) -> Iterator[str]:
    """Roots of one target; names inside a call such as ``print(F.softmax]x, dim`` are its arguments."""
    calls: list[bool] = []
    before: Token | None = None
    for word in words:
        if word.text == "(":
            calls.append(before is not None and (before.kind is Kind.NAME or before.text in {")", "]"}))
        elif word.text == ")" and calls:
            calls.pop()
        elif word.kind is Kind.NAME and not any(calls) and (before is None or before.text in {",", "(", "*"}):
            yield word.text
        before = word


def _touched(words: list[Token]) -> Iterator[str]:
    """Names of objects that are passed to a call or whose method is called, except by calls that only read."""
    calls: list[str] = []
    for position, word in enumerate(words):
        before = words[position - 1].text if position else ""
        after = [other.text for other in words[position + 1 : position + 3]]
        if word.text == "(":
            calls.append(before)
        elif word.text == ")" and calls:
            calls.pop()
        elif word.kind is Kind.NAME and not word.is_keyword and before != "." and (calls or after[:1] == ["."]):
            method = after[1] if after[:1] == ["."] and len(after) > 1 else ""
            if after[:1] not in (["("], ["="]) and not any(map(effects.only_reads, [method, *calls[-1:]])):
                yield word.text
