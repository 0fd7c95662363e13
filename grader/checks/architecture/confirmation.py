"""Confirm the model's count without student code: export it as data, audit it, compare it with the live model.

The child that holds the live model makes the export, so student code may have forged its bytes. They count as the model
because both answer the same secret pictures with the same numbers: one alone before the export, of a drawn kind, and
after it batches in a drawn order of sizes, of pictures as they are graded, so that no second network knows when it is
examined. They are several, because a picture that is not as most are can hide the second network in its batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from grader import data
from grader.checks.architecture.evidence import ArchitectureEvidence, ArtefactRecord
from grader.evidence import Outcome
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply

TOLERANCE = 1e-3
"""Largest difference, relative to the largest output. Correct exports stay within 1e-6, in half precision 1e-4."""
_FLOOR = 1e-6
"""Outputs that are all smaller count as zero."""
_SPREAD = (0.5, 3.0)
"""Smallest and largest standard deviation of a picture of noise or of blocks."""
_BATCHES = (2, 2, 3, 4)
"""Sizes of the batches. In eval mode without gradients they need less memory than the training step on two."""
_KINDS = ("real", "noise", "blocks")
"""Kinds of single pictures: one of the evaluation data, noise, and coarse blocks, even in places as photographs are."""
_COLOURS = 3
_MOST_NAMES = 5_000
_SAME = 1e-6
"""Largest difference, relative to the largest logit, of logits that do not depend on the picture."""


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
    alone = _picture(input_shape, rng, str(rng.choice(_KINDS)))
    live_replies = [child.request("model.forward", {"mode": "eval"}, [alone])]
    exported = child.request("model.export", {"input_shape": input_shape})
    if exported.outcome is not Outcome.OK or len(exported.arrays) != 1 or exported.arrays[0].dtype != np.uint8:
        return _failed(live, exported, "no_artefact", "the model could not be exported"), None
    exported_bytes = exported.arrays[0]
    # Draw the batches after the export, so that the artefact cannot hold their answers.
    batches = [_real_pictures(input_shape, rng, int(size)) for size in rng.permutation(_BATCHES)]
    live_replies += [child.request("model.forward", {"mode": "eval"}, [batch]) for batch in batches]
    with open_measuring_child() as measuring_child:
        audit = measuring_child.request("artefact.audit", {}, [exported_bytes])
        if audit.outcome is not Outcome.OK:
            return _failed(live, audit, "refused", "the artefact could not be read"), None
        if audit.meta["refused"]:
            return _unverified(live, "refused", str(audit.meta["refused"])), None
        record, hidden, tensors = _record(exported_bytes, audit.meta, live)
        late = _late_parameters(child, live, hidden)
        counts = {"artefact": record, "hidden_numbers": max(0, hidden - late), "hidden_tensors": tensors}
        counts |= _uncounted(audit.meta, live)
        evidence = live.model_copy(update=counts)
        if late:
            reason = f"the parameters have {late} more numbers than when they were counted"
            return _unverified(evidence, "disagrees", reason), exported_bytes.tobytes()
        artefacts = [exported_bytes] * (1 + len(batches))
        if audit.meta["has_fixed_batch"]:
            for number, batch in enumerate(batches, 1):
                batch_artefact = _export_for(batch, child, measuring_child, audit.meta, input_shape)
                if batch_artefact is None:
                    evidence = _unverified(evidence, "fixed_batch", "the network takes one batch size only")
                    return evidence, exported_bytes.tobytes()
                artefacts[number] = batch_artefact
        artefact_replies = [
            measuring_child.request("artefact.run", {}, [artefact, pictures])
            for artefact, pictures in zip(artefacts, [alone, *batches], strict=True)
        ]
        evidence = _compared(evidence, record, audit.meta, live_replies, artefact_replies)
        if evidence.verified and _ignores_pictures(live_replies[1]):
            # A last layer that begins with zeros depends on the picture after its first step of training.
            learned = claims.texts(child.request("model.count").meta.get("learned"), _MOST_NAMES)
            change = {"learned": learned, "seed": int(rng.integers(1 << 31))}
            if _ignores_pictures(measuring_child.request("artefact.run_changed", change, [artefacts[1], batches[0]])):
                evidence = evidence.model_copy(update={"verified": False})
                evidence = _unverified(evidence, "constant", "the logits are the same for different pictures")
    return evidence, exported_bytes.tobytes()


def _export_for(
    batch: Array, child: Child, measuring_child: Child, audit: dict[str, Any], input_shape: tuple[int, int, int]
) -> Array | None:
    """The export for the size of this batch, if it holds the same numbers as the one with this ``audit``.

    Grouped convolutions with a kernel for each sample (Yang et al. 2019, arXiv 1904.04971) export for one size only.
    """
    exported = child.request("model.export", {"input_shape": input_shape, "batch": len(batch)})
    if exported.outcome is not Outcome.OK or len(exported.arrays) != 1 or exported.arrays[0].dtype != np.uint8:
        return None
    other = measuring_child.request("artefact.audit", {}, [exported.arrays[0]])
    same = ("refused", "unpacked", "digest", "parameters", "statistics", "constants")
    is_same = other.outcome is Outcome.OK and all(other.meta[name] == audit[name] for name in same)
    return exported.arrays[0] if is_same else None


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


def _picture(input_shape: tuple[int, int, int], rng: np.random.Generator, kind: str) -> Array:
    """A secret picture (1, *input_shape) float32 of a kind in `_KINDS`."""
    if kind == "real":
        return _real_pictures(input_shape, rng, 1)
    channels, height, width = input_shape
    side = 16 if kind == "blocks" else 1
    values = rng.standard_normal((1, channels, -(-height // side), -(-width // side)), dtype=np.float32)
    values *= np.float32(rng.uniform(*_SPREAD))
    return np.ascontiguousarray(values.repeat(side, axis=2).repeat(side, axis=3)[:, :, :height, :width])


def _real_pictures(input_shape: tuple[int, int, int], rng: np.random.Generator, count: int) -> Array:
    """Evaluation pictures (count, *input_shape) float32, changed so that no table of the published ones knows them."""
    channels, height, width = input_shape
    if channels != _COLOURS or height != width:  # the built-in pictures are square and coloured
        return np.concatenate([_picture(input_shape, rng, "blocks") for _ in range(count)])
    hidden = data.load().hidden
    pictures = hidden.images(rng.choice(len(hidden), count, replace=False), height)
    brightness = rng.uniform(0.8, 1.2, (count, 1, 1, 1)).astype(np.float32)
    return np.ascontiguousarray(pictures[..., :: int(rng.choice((1, -1)))] * brightness)


def _ignores_pictures(reply: Reply) -> bool:
    """Whether the logits (N, classes) of several pictures are all the same, or not numbers."""
    if reply.outcome is not Outcome.OK or not reply.arrays or not np.isfinite(reply.arrays[0]).all():
        return True
    logits = reply.arrays[0]
    spread = np.ptp(logits, axis=0).max(initial=0.0)
    return len(logits) > 1 and bool(spread <= _SAME * np.abs(logits).max(initial=0.0))


def _unverified(live: ArchitectureEvidence, verification: str, reason: str) -> ArchitectureEvidence:
    return live.model_copy(update={"verification": verification, "unverified_reason": reason[:500]})


def _failed(live: ArchitectureEvidence, reply: Reply, verification: str, reason: str) -> ArchitectureEvidence:
    """The evidence after a failed request: ``verification``, unless only a limit of time or memory ended it."""
    evidence = _unverified(live, verification, f"{reason}: {_describe(reply)}")
    if reply.error is not None:
        evidence = evidence.model_copy(update={"verification_signal": reply.error.signal})
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


def _late_parameters(child: Child, live: ArchitectureEvidence, hidden: int) -> int:
    """By how many numbers the parameters grew after they were counted, where the ``hidden`` ones exceed the limit.

    A lazy parameter grows so when it gets its shape late. The live model is counted again, because a forged count stays
    as it was, which is no growth.
    """
    counted = live.parameters or 0
    if counted + hidden <= (live.parameter_limit or counted + hidden):
        return 0
    return max(0, (claims.whole(child.request("model.count").meta.get("parameters")) or 0) - counted)


def _uncounted(audit: dict[str, Any], live: ArchitectureEvidence) -> dict[str, Any]:
    """The facts on what torchsummary leaves out: fixed tables in the artefact, and parameters that it lacks."""
    stored = {claims.text(name): int(size) for name, size in audit["largest"]}
    weights = {claims.text(name) for name in audit["operands"]}
    uncounted = dict(live.uncounted_parameters)
    counted = set(live.parameter_names) - uncounted.keys()
    learned = weights | counted | {*live.uncounted_trainable}
    tables = [(name, size) for name, size in stored.items() if name not in learned]
    idle = [(name, size) for name, size in uncounted.items() if name not in stored]
    return {"tables": tuple(tables[:20]), "idle_parameters": tuple(idle[:200])}


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
    carried = record.parameters + record.constants
    hidden = max(0, carried - (live.parameters or 0))
    declared = set(live.parameter_names)
    largest = [(claims.text(name), int(size)) for name, size in audit["largest"] if name not in declared]
    return record, hidden, tuple(largest[:20]) if hidden else ()
