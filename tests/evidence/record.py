"""Writes ``<kind>_<version>.json``: evidence of the examples and of broken submissions as this version stores it.

``python -m tests.evidence.record`` runs once for each new version of a kind; its file never changes afterwards.
Version 1 of every kind is in ``schema_1*.json``, some with the commit that stored it, because fields came to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from app.scores.computing import json_safe
from grader import pipeline, scoring
from grader.assignment import bundled
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
    """Grade the examples and broken submissions, and write evidence of each version that has no file yet."""
    assignment = bundled("hw13")
    examples = [example_submission(name) for name in ("hw13", "hw13-correct")]
    samples: dict[Path, list[str]] = {}
    with Sandbox() as sandbox:
        for submission in [*examples, SubmittedParts(_BROKEN), SubmittedParts({"answers": _BROKEN["answers"]})]:
            for number, evidence in pipeline.grade(assignment, submission, sandbox).evidence.items():
                score = scoring.score(assignment, number, evidence)
                sample = {"question": number, "points": score.score, "verdict": score.verdict}
                sample |= {"evidence": json_safe(evidence.model_dump(mode="python"))}
                target = FOLDER / f"{evidence.kind}_{evidence.schema_version}.json"
                if evidence.schema_version > 1 and not target.exists():
                    samples.setdefault(target, []).append(json.dumps(sample))
    for target, lines in samples.items():
        target.write_text("[\n" + ",\n".join(lines) + "\n]\n")
        print(f"{target}: {len(lines)} samples")


if __name__ == "__main__":
    main()
