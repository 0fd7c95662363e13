"""The difference of two texts by lines, in time that hardly grows faster than their size.

`difflib` takes quadratic time, and on hostile texts more. This is patience diff: lines that both texts have exactly
once are matched in the longest order that both keep, and the gaps between them are searched in the same way.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence

_DEPTH = 6
"""Searches of a gap within a gap; lines of a deeper gap are compared in order."""


def unified(old: Sequence[str], new: Sequence[str], context: int = 3) -> Iterator[str]:
    """The hunks of a unified difference, each line marked with `` ``, ``-`` or ``+``, without the two headers."""
    matches = sorted(_matches(old, new, range(len(old)), range(len(new)), _DEPTH))
    changes = [
        (range(old_begin, old_end), range(new_begin, new_end))
        for (old_begin, new_begin), (old_end, new_end) in zip(
            [(0, 0), *((at + 1, to + 1) for at, to in matches)], [*matches, (len(old), len(new))], strict=True
        )
        if old_begin < old_end or new_begin < new_end
    ]
    first = 0
    for number, (gone, _) in enumerate(changes, start=1):
        if number == len(changes) or changes[number][0].start - gone.stop > 2 * context:
            yield from _hunk(old, new, changes[first:number], context)
            first = number


def _hunk(
    old: Sequence[str], new: Sequence[str], changes: Sequence[tuple[range, range]], context: int
) -> Iterator[str]:
    before = min(context, changes[0][0].start)
    begin, new_begin = changes[0][0].start - before, changes[0][1].start - before
    after = min(context, len(old) - changes[-1][0].stop)
    end, new_end = changes[-1][0].stop + after, changes[-1][1].stop + after
    yield f"@@ -{_place(begin, end)} +{_place(new_begin, new_end)} @@"
    at = begin
    for gone, added in changes:
        yield from (f" {line}" for line in old[at : gone.start])
        yield from (f"-{line}" for line in old[gone.start : gone.stop])
        yield from (f"+{line}" for line in new[added.start : added.stop])
        at = gone.stop
    yield from (f" {line}" for line in old[at:end])


def _place(begin: int, end: int) -> str:
    """The first line and the number of lines; an empty place is named by the line before it."""
    length = end - begin
    return f"{begin + 1}" if length == 1 else f"{begin + (length > 0)},{length}"


def _matches(
    old: Sequence[str], new: Sequence[str], old_part: range, new_part: range, depth: int
) -> Iterator[tuple[int, int]]:
    """Pairs of equal lines, in the same order in both parts."""
    begin, to = old_part.start, new_part.start
    end, new_end = old_part.stop, new_part.stop
    while begin < end and to < new_end and old[begin] == new[to]:
        yield begin, to
        begin, to = begin + 1, to + 1
    while begin < end and to < new_end and old[end - 1] == new[new_end - 1]:
        end, new_end = end - 1, new_end - 1
        yield end, new_end
    if begin == end or to == new_end:
        return
    anchors = _anchors(old, new, range(begin, end), range(to, new_end)) if depth else []
    if not anchors:
        # A repair of damaged code, for example, keeps the number of lines.
        pairs = zip(range(begin, end), range(to, new_end), strict=True) if end - begin == new_end - to else ()
        yield from ((at, other) for at, other in pairs if old[at] == new[other])
        return
    for at, other in [*anchors, (end, new_end)]:
        yield from _matches(old, new, range(begin, at), range(to, other), depth - 1)
        if at < end:
            yield at, other
        begin, to = at + 1, other + 1


def _anchors(old: Sequence[str], new: Sequence[str], old_part: range, new_part: range) -> list[tuple[int, int]]:
    """The longest run of pairs of lines that both parts have once and in the same order (patience sorting)."""
    counts = Counter(old[at] for at in old_part), Counter(new[at] for at in new_part)
    places = {new[at]: at for at in new_part if counts[1][new[at]] == 1}
    pairs = [(at, places[old[at]]) for at in old_part if counts[0][old[at]] == 1 and old[at] in places]
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for number, (_, other) in enumerate(pairs):
        position = bisect.bisect_left(ends, other)
        before.append(last[position - 1] if position else None)
        ends[position : position + 1] = [other]
        last[position : position + 1] = [number]
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else None
    while at is not None:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]
