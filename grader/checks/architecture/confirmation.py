"""Confirm the model's count without student code: export it as data, audit it, compare it with the live model.

The child that holds the live model makes the export, so student code may have forged its bytes. They count as the model
because afterwards both answer the same secret input with the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from grader.checks.architecture.evidence import ArchitectureEvidence, ArtefactRecord
from grader.evidence import Outcome
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply

TOLERANCE = 1e-3
"""Largest difference, relative to the largest output. Correct exports stay within 1e-6, in half precision 1e-4."""
_FLOOR = 1e-6
"""Outputs that are all smaller count as zero."""
_CONTRAST = 2.0
"""Spread of the values in the second secret picture, which has large even areas as photographs have."""


def confirm(
    child: Child,
    open_measuring_child: Callable[[], AbstractContextManager[Child]],
    input_shape: tuple[int, int, int],
    live: ArchitectureEvidence,
    rng: np.random.Generator,
) -> tuple[ArchitectureEvidence, bytes | None]:
    """The evidence with its ``verification`` settled, and the artefact's bytes if it was audited.

    ``input_shape`` is that of an image, (C, H, W). ``child`` holds the live model; a child from
    ``open_measuring_child`` never holds student code.
    """
    exported = child.request("model.export", {"input_shape": input_shape})
    if exported.outcome is not Outcome.OK or len(exported.arrays) != 1 or exported.arrays[0].dtype != np.uint8:
        return _failed(live, exported, "no_artefact", "the model could not be exported"), None
    data = exported.arrays[0]
    # Draw the inputs after the export, so that the artefact cannot hold their answers.
    secret_inputs = _pictures(input_shape, rng)
    live_replies = [child.request("model.forward", {"mode": "eval"}, [x]) for x in secret_inputs]
    with open_measuring_child() as measuring_child:
        audit = measuring_child.request("artefact.audit", {}, [data])
        if audit.outcome is not Outcome.OK:
            return _failed(live, audit, "refused", "the artefact could not be read"), None
        if audit.meta["refused"]:
            return _unverified(live, "refused", str(audit.meta["refused"])), None
        artefact_replies = [measuring_child.request("artefact.run", {}, [data, x]) for x in secret_inputs]
    record, hidden, tensors = _record(data, audit.meta, live)
    evidence = live.model_copy(update={"artefact": record, "hidden_numbers": hidden, "hidden_tensors": tensors})
    return _compared(evidence, record, audit.meta, live_replies, artefact_replies), data.tobytes()


def _compared(
    evidence: ArchitectureEvidence,
    record: ArtefactRecord,
    audit: dict[str, Any],
    live_replies: Sequence[Reply],
    artefact_replies: Sequence[Reply],
) -> ArchitectureEvidence:
    """The evidence with the verification that follows from the answers of the live model and of the artefact."""
    if audit["unpacked"]:
        used, stored = audit["unpacked"]
        return _unverified(
            evidence, "unpacked", f"{used} weights are read out of the digits of {stored} stored numbers"
        )
    worst = 0.0
    for live, artefact in zip(live_replies, artefact_replies, strict=True):
        if live.outcome is not Outcome.OK or not live.arrays:
            return _failed(evidence, live, "disagrees", "the live model did not answer again")
        if artefact.outcome is not Outcome.OK:
            return _failed(evidence, artefact, "refused", "the artefact could not be run")
        difference = _difference(live.arrays[0], artefact.arrays[0])
        worst = max(worst, difference or 0.0)
        evidence = evidence.model_copy(update={"artefact": record.model_copy(update={"difference": worst})})
        if difference is None or difference > TOLERANCE * float(np.abs(live.arrays[0]).max()) + _FLOOR:
            return _unverified(evidence, "disagrees", "the live model and its export answer the same input differently")
    return evidence.model_copy(update={"verified": True, "verification": "confirmed"})


def _pictures(input_shape: tuple[int, int, int], rng: np.random.Generator) -> list[Array]:
    """Secret inputs (1, *input_shape) float32: noise, and coarse blocks of colour in strong contrast."""
    channels, height, width = input_shape
    coarse = rng.standard_normal((1, channels, -(-height // 16), -(-width // 16)), dtype=np.float32)
    blocks = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
    noise = rng.standard_normal((1, *input_shape), dtype=np.float32)
    return [noise, np.ascontiguousarray(_CONTRAST * blocks, dtype=np.float32)]


def _unverified(live: ArchitectureEvidence, verification: str, reason: str) -> ArchitectureEvidence:
    return live.model_copy(update={"verification": verification, "unverified_reason": reason[:500]})


def _failed(live: ArchitectureEvidence, reply: Reply, verification: str, reason: str) -> ArchitectureEvidence:
    """The evidence after a failed request: ``verification``, unless only a limit of time or memory ended it."""
    evidence = _unverified(live, verification, f"{reason}: {_describe(reply)}")
    if reply.outcome not in (Outcome.TIMEOUT, Outcome.MEMORY):
        return evidence
    return evidence.model_copy(update={"verification": "over_limit", "verification_limit": reply.limit})


def _describe(reply: Reply) -> str:
    if reply.error is not None:
        return f"{reply.error.type}: {reply.error.message[:300]}"
    return f"{reply.limit.limit} limit" if reply.limit else str(reply.outcome)


def _difference(live: Array, artefact: Array) -> float | None:
    """Largest absolute difference, or ``None`` if shapes differ, the outputs are empty or a value is not finite."""
    if live.shape != artefact.shape or not live.size or not (np.isfinite(live).all() and np.isfinite(artefact).all()):
        return None
    return float(np.abs(live.astype(np.float64) - artefact.astype(np.float64)).max())


def _record(
    data: Array, audit: dict[str, Any], live: ArchitectureEvidence
) -> tuple[ArtefactRecord, int, tuple[tuple[str, int], ...]]:
    """The artefact's numbers, how many of them the live count does not cover, and the largest of those by name."""
    record = ArtefactRecord(
        sha256=hashlib.sha256(data.tobytes()).hexdigest(),
        bytes=data.size,
        parameters=int(audit["parameters"]),
        statistics=int(audit["statistics"]),
        constants=int(audit["constants"]),
        nodes=int(audit["nodes"]),
    )
    # Statistics are free up to one for each parameter: more, which no real network needs, count as hidden numbers.
    carried = record.parameters + record.constants + max(0, record.statistics - record.parameters)
    hidden = max(0, carried - (live.parameters or 0))
    declared = set(live.parameter_names)
    largest = [(claims.text(name), int(size)) for name, size in audit["largest"] if name not in declared]
    return record, hidden, tuple(largest[:20]) if hidden else ()
