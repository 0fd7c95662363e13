"""Draw an assignment's fixed cases: ``python -m reference_models.kd.draw_cases > FOLDER/kd_cases.json``.

The settings go beyond the homework's own ``alpha = 0.5, T = 1``, which hides a missing ``T^2`` and swapped weights.
Draw again only for a new version of an assignment, and tabulate afterwards.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from reference_models.kd.cases import Inputs, Term, draw

SEED = 13
CLASSES = 11
SETTINGS: dict[Term, list[tuple[float, float]]] = {
    Term.HARD: [(0.0, 1.0), (0.0, 3.0), (0.0, 8.0)],
    Term.SOFT: [(1.0, 1.0), (1.0, 2.0), (1.0, 4.0), (1.0, 8.0)],
    Term.MIXTURE: [(0.5, 1.0), (0.3, 2.0), (0.8, 5.0)],
}


def case_file(rng: np.random.Generator) -> dict[str, Any]:
    """The case file's content: two batches for scoring, and unusual ones for remarks."""
    single = draw(rng, "batch_of_one", 1, CLASSES, rounded=True)
    large = draw(rng, "large_logits", 3, CLASSES, rounded=True)
    scaled = Inputs("large_logits", large.student * 100, large.labels, large.teacher * 100)
    return {
        "settings": SETTINGS,
        "inputs": [
            _entry(draw(rng, "fixed-1", 4, CLASSES, rounded=True)),
            _entry(draw(rng, "fixed-2", 6, CLASSES, rounded=True)),
        ],
        "remarks": [_entry(single), _entry(scaled)],
        "fresh": {"inputs": 2, "batch": [2, 8], "temperature": [0.8, 14.0]},
    }


def _entry(inputs: Inputs) -> dict[str, Any]:
    def rows(logits: np.ndarray[Any, Any]) -> list[list[float]]:
        return [[round(float(number), 3) for number in row] for row in logits]

    return {
        "name": inputs.name,
        "labels": inputs.labels.tolist(),
        "student": rows(inputs.student),
        "teacher": rows(inputs.teacher),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(case_file(np.random.default_rng(SEED)), indent=1) + "\n")
