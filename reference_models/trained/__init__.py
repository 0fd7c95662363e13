"""Files that `reference_models.train` writes: weights, the teacher's logits, its pruning curve, a training record.

Reading them needs no torch; the networks with these weights are in `reference_models.networks`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

FOLDER = Path(__file__).parent
TEACHER = FOLDER / "teacher.safetensors"
BASELINE_STUDENT = FOLDER / "baseline_student.safetensors"
LOGITS = FOLDER / "teacher_logits.safetensors"
CURVE = FOLDER / "pruning_curve.json"
RESULT = FOLDER / "result.json"


def teacher_logits(split: Literal["train", "hidden"]) -> NDArray[np.float32]:
    """The teacher's logits ``(N, 11)`` on a split of the built-in data, in its order. Stored as float16."""
    logits: NDArray[np.float32] = load_file(LOGITS)[split].astype(np.float32)
    return logits


def pruning_curve() -> tuple[dict[str, float], ...]:
    """The teacher's ``{"ratio", "accuracy"}`` on the hidden split, layer by layer as in the homework."""
    return tuple(json.loads(CURVE.read_text()))


def result() -> dict[str, Any]:
    """The record of the training: data, settings, accuracies, versions."""
    recorded: dict[str, Any] = json.loads(RESULT.read_text())
    return recorded
