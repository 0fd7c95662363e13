"""The example submissions as the engine takes them."""

from __future__ import annotations

from pathlib import Path

from grader.submission import Part, SubmittedParts

EXAMPLES = Path(__file__).parents[1] / "examples"
_FILES = {
    "model": "model.py",
    "loss": "loss.py",
    "summary": "summary.txt",
    "answers": "answers.json",
    "pruning_plot": "pruning.png",
}


def example_submission(name: str = "hw13") -> SubmittedParts:
    """The parts of ``examples/<name>``."""
    return SubmittedParts({part: Part((EXAMPLES / name / file).read_bytes(), file) for part, file in _FILES.items()})
