"""Question 1.1: the model as it is. Builds it in the sandbox, runs it, counts it, lists its layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.assignment import Assignment, Question
from grader.checks import claims
from grader.evidence import ArchitectureEvidence, ForwardProbe, LayerRow, Note, Outcome
from grader.sandbox.replies import Array, Child, Reply

ENTRY = "get_student_model"


def measure(
    child: Child, assignment: Assignment, question: Question, rng: np.random.Generator, defines: tuple[str, ...] = ()
) -> ArchitectureEvidence:
    """Examine the model of a child that has loaded its source, which binds the names ``defines``.

    Inputs are drawn from ``rng``, shape (N, *input_shape), float32, standard normal.
    """
    facts: dict[str, Any] = {"parameter_limit": assignment.parameter_limit}
    built = child.request("model.build", {"entry": ENTRY})
    if built.outcome is not Outcome.OK:
        return _evidence(child, facts, claims.failure(built, "build"))
    if built.meta.get("missing") is True:
        note = Note(id="model.no_entry_point", params={"entry": ENTRY, "defined": claims.shown_names(defines)})
        return _evidence(child, facts, {"outcome": Outcome.ERROR, "stage": "build", "notes": (note,)})
    if built.meta.get("module") is not True:
        note = Note(id="model.not_a_module", params={"entry": ENTRY, "type": claims.text(built.meta.get("type"))})
        return _evidence(child, facts, {"outcome": Outcome.ERROR, "stage": "build", "notes": (note,)})

    failed = _run(child, assignment, question, rng, facts)
    # Counted after the first passes, because lazy layers have no parameters before; and also after a failed one,
    # because the summary is compared with the count.
    counted = child.request("model.count")
    if counted.outcome is Outcome.OK:
        _count(counted, facts)
        listed = child.request("model.layers", {"entry": ENTRY, "input_shape": assignment.input_shape, "batch": 1})
        if listed.outcome is Outcome.OK:
            _layers(listed, facts)
    elif not failed:
        failed = claims.failure(counted, "build")
    return _evidence(child, facts, failed)


def _run(
    child: Child, assignment: Assignment, question: Question, rng: np.random.Generator, facts: dict[str, Any]
) -> dict[str, Any]:
    """Forward in eval mode for each batch size, then a training step with the last; returns how it failed, if so.

    Where a batch of one fails, the others are tried all the same: a forgotten ``squeeze()`` fails for that one alone.
    """
    batches = [int(n) for n in question.options.get("batches", (1, 2))]
    probes: list[ForwardProbe] = []
    x = rng.standard_normal((max(batches), *assignment.input_shape), dtype=np.float32)
    outputs: list[Array] = []
    failed: dict[str, Any] = {}
    for batch in batches:
        reply = child.request("model.forward", {"mode": "eval"}, [x[:batch]])
        if reply.outcome is Outcome.OK:
            probes.append(_probe(reply, batch, "eval"))
            outputs += reply.arrays[:1]
            continue
        failed = failed or claims.failure(reply, "forward")
        if batch > 1 or reply.outcome is not Outcome.ERROR:
            break
    facts["probes"] = tuple(probes)
    facts["output_shape"] = probes[0].shape if probes else None
    right = {p.batch for p in probes if p.kind == "tensor" and p.shape == (p.batch, assignment.classes)}
    wrong = set(batches) - right
    if right and wrong == {1}:
        alone = [list(probe.shape or ()) for probe in probes if probe.batch == 1]
        params = {"shape": alone[0] if alone else None, "expected": [1, assignment.classes]}
        facts["notes"] = (Note(id="model.batch_of_one", params=params),)
    elif wrong:
        return failed
    if failed:
        return failed
    if not wrong and len(outputs) == len(batches):
        together = [output[: batches[0]] for output in outputs]
        facts["repeatable"] = bool(
            all(np.allclose(together[0], other, rtol=1e-3, atol=1e-4, equal_nan=False) for other in together[1:])
        )
    reply = child.request("model.train_step", {}, [x[: batches[-1]]])
    if reply.outcome is not Outcome.OK:
        return claims.failure(reply, "backward")
    facts["probes"] = (*probes, _probe(reply, batches[-1], "train"))
    facts["gradients_reached"] = claims.whole(reply.meta.get("reached")) or 0
    facts["parameter_tensors"] = claims.whole(reply.meta.get("tensors"))
    unused = reply.meta.get("unused")
    facts["unused_parameters"] = tuple(claims.text(name) for name in unused[:50]) if isinstance(unused, list) else ()
    return {}


def _probe(reply: Reply, batch: int, mode: Any) -> ForwardProbe:
    """What came back, judged on the bytes and not on what the child says of them."""
    kind = claims.text(reply.meta.get("kind")) or "nothing"
    if kind != "tensor" and (mode != "train" or not reply.arrays):
        return ForwardProbe(batch=batch, mode=mode, kind=kind)
    if not reply.arrays:
        return ForwardProbe(batch=batch, mode=mode, kind=kind, shape=claims.shape(reply.meta.get("shape")))
    output = reply.arrays[0]
    return ForwardProbe(batch=batch, mode=mode, kind=kind, shape=output.shape, finite=bool(np.isfinite(output).all()))


def _count(reply: Reply, facts: dict[str, Any]) -> None:
    facts["parameters"] = claims.whole(reply.meta.get("parameters"))
    facts["trainable"] = claims.whole(reply.meta.get("trainable"))
    facts["hidden_numbers"] = claims.whole(reply.meta.get("hidden_numbers"))
    names = reply.meta.get("names")
    facts["parameter_names"] = tuple(claims.text(name) for name in names[:5000]) if isinstance(names, list) else ()
    hidden = reply.meta.get("hidden")
    pairs = hidden[:50] if isinstance(hidden, list) else []
    facts["hidden_tensors"] = tuple(
        (claims.text(pair[0]), claims.whole(pair[1]) or 0)
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2
    )
    facts["unregistered"] = claims.whole(reply.meta.get("unregistered")) or 0
    named = reply.meta.get("unregistered_names")
    facts["unregistered_tensors"] = tuple(map(claims.text, named[:50])) if isinstance(named, list) else ()


def _layers(reply: Reply, facts: dict[str, Any]) -> None:
    facts["mult_adds"] = claims.whole(reply.meta.get("mult_adds"))
    facts["torchsummary_total"] = claims.whole(reply.meta.get("torchsummary_total"))
    idle = reply.meta.get("idle")
    facts["idle_layers"] = tuple(
        (claims.text(pair[0]), claims.whole(pair[1]) or 0)
        for pair in (idle[:2000] if isinstance(idle, list) else [])
        if isinstance(pair, list) and len(pair) == 2
    )
    rows = reply.meta.get("rows")
    facts["layers"] = tuple(
        LayerRow(
            depth=claims.whole(row.get("depth")) or 0,
            name=claims.text(row.get("name")),
            type=claims.text(row.get("type")),
            output_shape=claims.shape(row.get("output_shape")),
            parameters=claims.whole(row.get("parameters")) or 0,
            mult_adds=claims.whole(row.get("mult_adds")) or 0,
            leaf=row.get("leaf") is True,
        )
        for row in (rows[:2000] if isinstance(rows, list) else [])
        if isinstance(row, dict)
    )


def _evidence(child: Child, facts: dict[str, Any], failed: dict[str, Any]) -> ArchitectureEvidence:
    if facts.get("parameters") is None and not failed:
        failed = {"outcome": Outcome.PROTOCOL, "stage": "build"}
    return ArchitectureEvidence(**facts, **failed, stdout=child.stdout)
