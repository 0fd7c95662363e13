"""Every benchmark of the project in one table, with JSON beside it: ratios from one run, never bare times."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.load import deadline, first_verdicts, page_speed, sandbox_speed, sweep_speed

SUITES = (first_verdicts.measure, deadline.measure, sandbox_speed.measure, sweep_speed.measure, page_speed.measure)


def main(path: Path = Path("bench.json")) -> None:
    """Run all of them; a few minutes on a quiet machine."""
    rows = [row for suite in SUITES for row in suite()]
    width = max(len(str(row["figure"])) for row in rows)
    for row in rows:
        aim = f"  aim {row['aim']}" if row["aim"] is not None else ""
        print(f"{row['figure']:<{width}}  {row['ratio']:>8}  x {row['anchor']}{aim}")
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
