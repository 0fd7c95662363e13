"""Every benchmark of the project in one table, with JSON beside it: ratios from one run, never bare times.

    python -m tests.load.bench [--only WORD ...] [--store] [--json bench.json]

Beside each figure stands that of the last release, from ``released.json``; what moved beyond the noise is marked.
``--only`` picks the suites whose names hold one of the words, ``--store`` writes the figures down as a release's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.load import (
    class_speed,
    deadline,
    first_verdicts,
    full_grading,
    functions_speed,
    grading_cost,
    growth,
    memory_use,
    page_speed,
    rescore_rate,
    sandbox_speed,
    start_up,
    sweep_speed,
)
from tests.load.figures import Row
from tests.load.otter import NotInstalled

SUITES: Mapping[str, Callable[[], list[Row]]] = {
    "verdicts": first_verdicts.measure,
    "cost": grading_cost.measure,
    "class": class_speed.measure,
    "whole": full_grading.measure,
    "functions": functions_speed.measure,
    "deadline": deadline.measure,
    "sandbox": sandbox_speed.measure,
    "start": start_up.measure,
    "sweep": sweep_speed.measure,
    "memory": memory_use.measure,
    "growth": growth.measure,
    "rescore": rescore_rate.measure,
    "pages": page_speed.measure,
}
RELEASED = Path(__file__).with_name("released.json")
NOISE = 0.25
"""Share by which a figure may differ from the stored one. Both sides of a ratio come from one run, so a slower machine
cancels out; what is left was up to a seventh between runs of the same code on a quiet machine (0.014 to 0.016 for a
locked child), and a busy one is no place for `--store`."""


def key(row: Row) -> str:
    """The name of a figure in the stored file."""
    return f"{row['figure']} x {row['anchor']}"


def change(now: float, released: float | None) -> str:
    """The change since the stored figure as text; empty within the noise."""
    if released is None:
        return "new"
    if abs(now - released) <= NOISE * abs(released):
        return ""
    return f"{now / released - 1:+.0%}" if released else "was 0"


def table(rows: Sequence[Row], released: Mapping[str, float]) -> str:
    """The figures as text: now, at the last release, what moved, anchor, aim."""
    cells = [("figure", "now", "released", "moved", "anchor", "aim")]
    for row in rows:
        was = released.get(key(row))
        aim = "" if row["aim"] is None else f"{row['aim']:g}"
        then = "" if was is None else f"{was:g}"
        cells.append((row["figure"], f"{row['ratio']:g}", then, change(row["ratio"], was), row["anchor"], aim))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def run(names: Sequence[str]) -> list[Row]:
    """The rows of these suites, one after the other."""
    rows: list[Row] = []
    for name in names:
        start = time.perf_counter()
        try:
            rows += SUITES[name]()
        except NotInstalled as error:
            print(f"{name}: left out, otter-grader cannot be installed: {error}", file=sys.stderr)
        print(f"{name}: done in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return rows


def store(rows: Sequence[Row], path: Path = RELEASED) -> None:
    """Write figures down as those of a release; figures of suites that did not run stay."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    stored |= {key(row): row["ratio"] for row in rows}
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen suites; a few minutes for all of them on a quiet machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    chosen = parser.parse_args(arguments)
    names = [name for name in SUITES if any(word in name for word in chosen.only)]
    if not names:
        parser.error(f"no suite is called so; there are {', '.join(SUITES)}")
    rows = run(names)
    released = json.loads(RELEASED.read_text(encoding="utf-8")) if RELEASED.exists() else {}
    print(table(rows, released))
    chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if chosen.store:
        store(rows)


if __name__ == "__main__":
    main()
