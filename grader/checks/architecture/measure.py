"""Question 1.1: build the model in the sandbox, run it, count it, list its layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.assignment import Question
from grader.checks.architecture.evidence import ArchitectureEvidence, ForwardProbe, LayerRow, ModelFact
from grader.checks.architecture.options import ArchitectureOptions
from grader.evidence import Observation, Outcome
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply


def measure(
    child: Child,
    question: Question,
    rng: np.random.Generator,
    defined_names: tuple[str, ...] = (),
) -> ArchitectureEvidence:
    """Examine the model of a child that has loaded its source; ``defined_names`` are the source's top-level names.

    Inputs are drawn from ``rng``, shape (N, *input_shape), float32, standard normal.
    """
    options = question.typed_options(ArchitectureOptions)
    entry = options.entry
    facts: dict[str, Any] = {"parameter_limit": options.parameter_limit}
    reply = child.request("model.build", {"entry": entry})
    if reply.outcome is not Outcome.OK:
        return _evidence(child, facts, claims.failure(reply, "build"))
    if reply.meta.get("missing") is True:
        note = Observation(
            id=ModelFact.NO_ENTRY_POINT, params={"entry": entry, "defined": claims.public_names(defined_names)}
        )
        return _evidence(child, facts, {"outcome": Outcome.ERROR, "stage": "build", "notes": (note,)})
    if reply.meta.get("module") is not True:
        note = Observation(
            id=ModelFact.NOT_A_MODULE, params={"entry": entry, "type": claims.text(reply.meta.get("type"))}
        )
        return _evidence(child, facts, {"outcome": Outcome.ERROR, "stage": "build", "notes": (note,)})

    failure = _run(child, options, rng, facts)
    # Count after the passes, because lazy layers have no parameters before; and after a failed pass too, because the
    # summary is compared with the count.
    count = child.request("model.count")
    if count.outcome is Outcome.OK:
        facts |= _count_facts(count.meta, options.parameter_limit)
        layers = child.request("model.layers", {"entry": entry, "input_shape": options.input_shape, "batch": 1})
        if layers.outcome is Outcome.OK:
            facts |= _layer_facts(layers.meta)
    elif not failure:
        failure = claims.failure(count, "build")
    return _evidence(child, facts, failure)


def _run(child: Child, options: ArchitectureOptions, rng: np.random.Generator, facts: dict[str, Any]) -> dict[str, Any]:
    """Run eval mode for each batch size, then a training step with the last; returns how a run failed, if one did.

    A failing batch of one does not end the runs: a forgotten ``squeeze()`` fails for a batch of one only.
    """
    batches = options.batches
    probes: list[ForwardProbe] = []
    x = rng.standard_normal((max(batches), *options.input_shape), dtype=np.float32)
    outputs: list[Array] = []
    failure: dict[str, Any] = {}
    for batch in batches:
        reply = child.request("model.forward", {"mode": "eval"}, [x[:batch]])
        if reply.outcome is Outcome.OK:
            probes.append(_probe(reply, batch, "eval"))
            outputs += reply.arrays[:1]
            continue
        failure = failure or claims.failure(reply, "forward")
        if batch > 1 or reply.outcome is not Outcome.ERROR:
            break
    facts["probes"] = tuple(probes)
    facts["output_shape"] = probes[0].shape if probes else None
    right = {p.batch for p in probes if p.kind == "tensor" and p.shape == (p.batch, options.classes)}
    wrong = set(batches) - right
    if right and wrong == {1}:
        alone = [list(probe.shape or ()) for probe in probes if probe.batch == 1]
        params = {"shape": alone[0] if alone else None, "expected": [1, options.classes]}
        facts["notes"] = (Observation(id=ModelFact.BATCH_OF_ONE, params=params),)
    elif wrong:
        return failure
    if failure:
        return failure
    if not wrong and len(outputs) == len(batches):
        first, *others = [output[: batches[0]] for output in outputs]
        facts["repeatable"] = all(np.allclose(first, other, rtol=1e-3, atol=1e-4) for other in others)
    reply = child.request("model.train_step", {}, [x[: batches[-1]]])
    if reply.outcome is not Outcome.OK:
        return claims.failure(reply, "backward")
    facts["probes"] = (*probes, _probe(reply, batches[-1], "train"))
    facts["gradients_reached"] = claims.whole(reply.meta.get("reached")) or 0
    facts["parameter_tensors"] = claims.whole(reply.meta.get("tensors"))
    facts["unused_parameters"] = claims.texts(reply.meta.get("unused"), 50)
    return {}


def _probe(reply: Reply, batch: int, mode: Any) -> ForwardProbe:
    """The output, judged by its bytes and not by the child's description."""
    kind = claims.text(reply.meta.get("kind")) or "nothing"
    if kind != "tensor" and (mode != "train" or not reply.arrays):
        return ForwardProbe(batch=batch, mode=mode, kind=kind)
    if not reply.arrays:
        return ForwardProbe(batch=batch, mode=mode, kind=kind, shape=claims.shape(reply.meta.get("shape")))
    output = reply.arrays[0]
    return ForwardProbe(batch=batch, mode=mode, kind=kind, shape=output.shape, finite=bool(np.isfinite(output).all()))


def _count_facts(meta: dict[str, Any], limit: int) -> dict[str, Any]:
    others = claims.named_counts(meta.get("others"), 50)
    return {
        "other_modules": others if sum(size for _, size in others) > limit else (),
        "parameters": claims.whole(meta.get("parameters")),
        "trainable": claims.whole(meta.get("trainable")),
        "hidden_numbers": claims.whole(meta.get("hidden_numbers")),
        "parameter_names": claims.texts(meta.get("names"), 5000),
        "hidden_tensors": claims.named_counts(meta.get("hidden"), 50),
        "unregistered": claims.whole(meta.get("unregistered")) or 0,
        "unregistered_tensors": claims.texts(meta.get("unregistered_names"), 50),
    }


def _layer_facts(meta: dict[str, Any]) -> dict[str, Any]:
    rows = meta.get("rows")
    return {
        "mult_adds": claims.whole(meta.get("mult_adds")),
        "torchsummary_total": claims.whole(meta.get("torchsummary_total")),
        "uncounted_parameters": claims.named_counts(meta.get("uncounted"), 500),
        "uncounted_trainable": claims.texts(meta.get("uncounted_trainable"), 500),
        "idle_layers": claims.named_counts(meta.get("idle"), 2000),
        "layers": tuple(
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
        ),
    }


def _evidence(child: Child, facts: dict[str, Any], failure: dict[str, Any]) -> ArchitectureEvidence:
    if facts.get("parameters") is None and not failure:
        failure = {"outcome": Outcome.PROTOCOL, "stage": "build"}
    return ArchitectureEvidence(**facts, **failure, stdout=child.stdout)
