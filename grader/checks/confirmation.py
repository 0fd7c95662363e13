"""The model's count confirmed without student code: exported as data, audited, and compared with the live model.

The export is made by the child that holds the live model, so its bytes could be anybody's. They count as the model only
because, afterwards, both answer an input that neither could know with the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.checks import claims
from grader.evidence import ArchitectureEvidence, ArtefactRecord, Outcome
from grader.sandbox.replies import Array, Child, Reply

TOLERANCE = 1e-3
"""Largest difference, relative to the largest output. Correct exports were seen within 1e-6, in half precision 1e-4."""
_FLOOR = 1e-6
"""Outputs that are all smaller are taken for zero."""
_CONTRAST = 2.0
"""Spread of the values of the second secret picture, which has large even areas, as photographs have."""
Measuring = Callable[[], AbstractContextManager[Child]]


def confirm(
    child: Child, measuring: Measuring, assignment: Assignment, live: ArchitectureEvidence, rng: np.random.Generator
) -> tuple[ArchitectureEvidence, bytes | None]:
    """The evidence with its ``verification`` settled, and the artefact's bytes where there are any.

    ``child`` holds the live model; ``measuring`` opens a child where no student code ever was.
    """
    exported = child.request("model.export", {"input_shape": assignment.input_shape})
    if exported.outcome is not Outcome.OK or len(exported.arrays) != 1 or exported.arrays[0].dtype != np.uint8:
        return _failed(live, exported, "no_artefact", "the model could not be exported"), None
    data = exported.arrays[0]
    # Drawn only now: an artefact that was made before cannot hold the answers.
    secret = _pictures(assignment, rng)
    answers = [child.request("model.forward", {"mode": "eval"}, [x]) for x in secret]
    with measuring() as measure:
        audited = measure.request("artefact.audit", {}, [data])
        if audited.outcome is not Outcome.OK:
            return _failed(live, audited, "refused", "the artefact could not be read"), None
        if audited.meta["refused"]:
            return _unverified(live, "refused", str(audited.meta["refused"])), None
        runs = [measure.request("artefact.run", {}, [data, x]) for x in secret]
    record, hidden, tensors = _record(data, audited.meta, live)
    found = live.model_copy(update={"artefact": record, "hidden_numbers": hidden, "hidden_tensors": tensors})
    if audited.meta["taken_apart"]:
        used, stored = audited.meta["taken_apart"]
        told = f"{used} weights are read out of the digits of {stored} stored numbers"
        return _unverified(found, "unpacked", told), data.tobytes()
    for answered, run in zip(answers, runs, strict=True):
        if answered.outcome is not Outcome.OK or not answered.arrays:
            return _failed(found, answered, "disagrees", "the live model did not answer again"), data.tobytes()
        if run.outcome is not Outcome.OK:
            return _failed(found, run, "refused", "the artefact could not be run"), data.tobytes()
        difference = _difference(answered.arrays[0], run.arrays[0])
        worst = max(found.artefact.difference or 0.0, difference or 0.0) if found.artefact else difference
        found = found.model_copy(update={"artefact": record.model_copy(update={"difference": worst})})
        if difference is None or difference > TOLERANCE * float(np.abs(answered.arrays[0]).max()) + _FLOOR:
            told = "the live model and its export answer the same input differently"
            return _unverified(found, "disagrees", told), data.tobytes()
    return found.model_copy(update={"verified": True, "verification": "confirmed"}), data.tobytes()


def _pictures(assignment: Assignment, rng: np.random.Generator) -> list[Array]:
    """Secret inputs (1, *input_shape) float32: noise, and coarse blocks of colour in strong contrast."""
    channels, height, width = assignment.input_shape
    coarse = rng.standard_normal((1, channels, -(-height // 16), -(-width // 16)), dtype=np.float32)
    blocks = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
    noise = rng.standard_normal((1, *assignment.input_shape), dtype=np.float32)
    return [noise, np.ascontiguousarray(_CONTRAST * blocks, dtype=np.float32)]


def _unverified(live: ArchitectureEvidence, verification: str, reason: str) -> ArchitectureEvidence:
    return live.model_copy(update={"verification": verification, "unverified_reason": reason[:500]})


def _failed(live: ArchitectureEvidence, reply: Reply, verification: str, reason: str) -> ArchitectureEvidence:
    """The evidence after a request that failed: ``verification``, unless only a limit of time or memory ended it."""
    found = _unverified(live, verification, f"{reason}: {_why(reply)}")
    if reply.outcome not in (Outcome.TIMEOUT, Outcome.MEMORY):
        return found
    return found.model_copy(update={"verification": "over_limit", "verification_limit": reply.limit})


def _why(reply: Reply) -> str:
    if reply.error is not None:
        return f"{reply.error.type}: {reply.error.message[:300]}"
    return f"{reply.limit.limit} limit" if reply.limit else str(reply.outcome)


def _difference(live: Array, artefact: Array) -> float | None:
    """Largest absolute difference, or ``None`` where shapes differ, nothing is there or a value is not finite."""
    if live.shape != artefact.shape or not live.size or not (np.isfinite(live).all() and np.isfinite(artefact).all()):
        return None
    return float(np.abs(live.astype(np.float64) - artefact.astype(np.float64)).max())


def _record(
    data: Array, audit: dict[str, Any], live: ArchitectureEvidence
) -> tuple[ArtefactRecord, int, tuple[tuple[str, int], ...]]:
    """The artefact's numbers, how many of them the live count does not explain, and the largest of those by name."""
    record = ArtefactRecord(
        sha256=hashlib.sha256(data.tobytes()).hexdigest(),
        bytes=data.size,
        parameters=int(audit["parameters"]),
        statistics=int(audit["statistics"]),
        constants=int(audit["constants"]),
        nodes=int(audit["nodes"]),
    )
    # Statistics are free up to one for each parameter, which no real network exceeds by much: they are no hiding place.
    carried = record.parameters + record.constants + max(0, record.statistics - record.parameters)
    hidden = max(0, carried - (live.parameters or 0))
    declared = set(live.parameter_names)
    largest = [(claims.text(name), int(size)) for name, size in audit["largest"] if name not in declared]
    return record, hidden, tuple(largest[:20]) if hidden else ()
