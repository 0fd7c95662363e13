"""``python -m tests.chaos --kills 100 --database sqlite|postgresql --seed N``: exits 1 when anything is wrong."""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import sys
from pathlib import Path

from tests.chaos.run import run_chaos


def main() -> None:
    """Run once and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--keep", type=Path, help="an empty folder for database and logs, which stays")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    report = run_chaos(chosen.kills, chosen.database, chosen.seed, folder=chosen.keep)
    print(json.dumps(dataclasses.asdict(report), indent=1))
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
