"""Tabulate the answers of every known mistake on an assignment's fixed cases.

``python -m reference_models.kd.tabulate FOLDER`` reads ``FOLDER/kd_cases.json`` and writes ``FOLDER/kd_mistakes.json``.
The table lets a grading recognise a mistake without importing torch. Run it after a change of the cases or the bank.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

from reference_models.kd import bank, cases
from reference_models.kd.fingerprint import Fingerprint, fingerprint


def table(case_text: str) -> dict[str, Any]:
    """The table as JSON data: for each loss of the bank one answer per case, in the order of ``CaseBook.fixed_cases``.

    An answer is ``[shape, value, gradient]`` as in `reference_models.kd.fingerprint`, null for NaN and for None.
    """
    fixed = cases.read(case_text).fixed_cases()
    return {
        "cases_sha256": hashlib.sha256(case_text.encode()).hexdigest(),
        "mistakes": [
            {
                "name": mistake.name,
                "ids": list(mistake.ids),
                "answers": [
                    [_json(fingerprint(*bank.evaluate(loss, case))) for case in fixed] for loss in mistake.losses
                ],
            }
            for mistake in bank.known_mistakes()
        ],
    }


def _json(answer: Fingerprint) -> list[Any]:
    def number(value: float) -> float | None:
        return float(f"{value:.9g}") if math.isfinite(value) else None

    gradient = None if answer.gradient is None else [number(value) for value in answer.gradient]
    return [None if answer.shape is None else list(answer.shape), number(answer.value), gradient]


def main(folder: Path) -> None:
    """Write the table beside the case file of ``folder``."""
    content = table((folder / "kd_cases.json").read_text(encoding="utf-8"))
    lines = ",\n".join(json.dumps(mistake, separators=(",", ":")) for mistake in content["mistakes"])
    text = f'{{"cases_sha256": "{content["cases_sha256"]}",\n"mistakes": [\n{lines}\n]}}\n'
    (folder / "kd_mistakes.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
