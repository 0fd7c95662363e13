"""Writes ``schema_<n>.json``: evidence of the examples and of broken submissions as this schema version stores it.

``python -m tests.evidence.record`` runs once for each schema version; its file never changes afterwards. A file such as
``schema_1_5082ff8.json`` has evidence of similar submissions that this commit stored, because fields came to version 1.
"""

from __future__ import annotations

import json
from pathlib import Path

from app.scores.computing import json_safe
from grader import pipeline, scoring
from grader.assignment import bundled
from grader.evidence import SCHEMA_VERSION
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts
from tests.example_submission import example_submission

FOLDER = Path(__file__).parent
_BROKEN = {
    "model": Part(b"def get_student_model():\n    return undefined_helper(3)\n"),
    "loss": Part(b"def loss_fn_kd(student_logits, labels, teacher_logits):\n    raise ValueError('no')\n"),
    "answers": Part(b'{"2.2": "harder", "3.2": "perhaps"}'),
    "summary": Part(b"Total params: 96,587"),
}


def main() -> None:
    """Grade the examples and broken submissions, and write their evidence as it is stored."""
    target = FOLDER / f"schema_{SCHEMA_VERSION}.json"
    if target.exists():
        raise SystemExit(f"{target} exists already and must not change")
    assignment = bundled("hw13")
    examples = [example_submission(name) for name in ("hw13", "hw13-correct")]
    records = []
    with Sandbox() as sandbox:
        for submission in [*examples, SubmittedParts(_BROKEN), SubmittedParts({"answers": _BROKEN["answers"]})]:
            for number, evidence in pipeline.grade(assignment, submission, sandbox).evidence.items():
                score = scoring.score(assignment, number, evidence)
                record = {"question": number, "points": score.score, "verdict": score.verdict}
                records.append(json.dumps(record | {"evidence": json_safe(evidence.model_dump(mode="python"))}))
    target.write_text("[\n" + ",\n".join(records) + "\n]\n")
    print(f"{target}: {len(records)} records")


if __name__ == "__main__":
    main()
