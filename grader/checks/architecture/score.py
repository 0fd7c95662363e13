"""Points of a model."""

from __future__ import annotations

from typing import Any

from grader.assignment import Question
from grader.checks.architecture.evidence import ArchitectureEvidence, ModelFact
from grader.checks.architecture.options import ArchitectureOptions
from grader.checks.code_failure import code_failure
from grader.evidence import Note
from grader.intake import IntakeFact
from grader.verdicts import QuestionScore, Verdict, result


def score(question: Question, evidence: ArchitectureEvidence) -> QuestionScore:
    options = question.typed_options(ArchitectureOptions)
    is_under_torchsummary = _is_over_by_uncounted_alone(options, evidence)
    is_too_large = (evidence.parameters or 0) > options.parameter_limit and not is_under_torchsummary
    failure = code_failure(question, evidence, {ModelFact.BATCH_OF_ONE}, is_hopeless=is_too_large)
    if failure is not None and is_too_large:
        problems = _size_problems(options, evidence)
        return failure.model_copy(update={"messages": (*problems, *failure.messages)})
    if failure is not None:
        return failure
    if evidence.parameters is None:
        return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="model.not_counted"), *evidence.notes)
    size = {"parameters": evidence.parameters, "limit": options.parameter_limit}
    size_problems = _size_problems(options, evidence)
    problems = [*_output_problems(options.classes, evidence), *([] if is_under_torchsummary else size_problems)]
    if not problems and not evidence.gradients_reached:
        problems.append(Note(id="model.no_gradient"))
    unregistered = _unregistered_notes(evidence)
    uncounted = _uncounted_notes(evidence) if size_problems else []
    if problems:
        return result(question, 0.0, Verdict.NONE, *problems, *uncounted, *unregistered, *evidence.notes)
    if is_under_torchsummary:
        counts = {"hidden": evidence.hidden_numbers, "counted": evidence.torchsummary_total}
        fits = Note(id="model.fits_torchsummary", params=size | counts)
        return result(question, 0.0, Verdict.NEEDS_REVIEW, fits, *uncounted, *unregistered, *evidence.notes)
    if _fails_for_batch_of_one(evidence):
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes, *unregistered)
    if not evidence.verified and evidence.verification != "pending":
        limit = evidence.verification_limit
        params: dict[str, Any] = dict(size)
        if limit is not None:
            params |= {"limit_name": limit.limit, "allowed": limit.allowed, "unit": limit.unit}
        unverified = [Note(id=f"model.unverified.{evidence.verification}", params=params)]
        if evidence.repeatable is False and evidence.verification in ("refused", "disagrees"):
            unverified = [Note(id="model.unverified.not_repeatable", params=size), Note(id="model.not_repeatable")]
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *unverified, *unregistered, *evidence.notes)
    messages = [Note(id="model.ok", params=size), *unregistered]
    if evidence.unused_parameters:
        unused = {"count": len(evidence.unused_parameters), "names": list(evidence.unused_parameters[:5])}
        messages.append(Note(id="model.unused_parameters", params=unused))
    messages += [
        Note(id="model.extra_outputs", params={"kind": probe.kind})
        for probe in evidence.probes
        if probe.mode == "train" and probe.kind != "tensor"
    ]
    if evidence.repeatable is False:
        messages.append(Note(id="model.not_repeatable"))
    if evidence.other_modules:
        # No examination can show that the model never uses them, so a reviewer reads the code.
        count = sum(size for _, size in evidence.other_modules)
        names = [name for name, _ in evidence.other_modules[:5]]
        others = {"count": count, "names": names, "limit": options.parameter_limit}
        messages.append(Note(id="model.other_modules", params=others))
        return result(question, question.points, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if any(note.id == IntakeFact.STAND_IN for note in evidence.notes):
        # The homework asks for the entry point by its name: a stand-in is measured, and a reviewer decides.
        messages.append(Note(id="model.stood_in"))
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    if not evidence.verified:
        # Only the count on the artefact is missing, which takes a second longer: until then points are provisional.
        messages.append(Note(id="model.verifying"))
        return result(question, question.points, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
    return result(question, question.points, None, *messages, *evidence.notes)


def _output_problems(classes: int, evidence: ArchitectureEvidence) -> list[Note]:
    """The problem of the first wrong output; later outputs mostly repeat it."""
    for probe in evidence.probes:
        if probe.batch == 1 and _fails_for_batch_of_one(evidence):
            continue
        output = {"batch": probe.batch, "mode": probe.mode, "kind": probe.kind}
        expected = [probe.batch, classes]
        if probe.kind != "tensor" and not (probe.mode == "train" and probe.shape is not None):
            return [Note(id="model.output_not_tensor", params={**output, "expected": expected})]
        if probe.shape != (probe.batch, classes):
            shape = list(probe.shape or ())
            params = {**output, "shape": shape, "expected": expected, "classes": classes}
            return [Note(id="model.output_shape", params=params)]
        if not probe.finite:
            return [Note(id="model.output_not_finite", params=output)]
    return []


def _fails_for_batch_of_one(evidence: ArchitectureEvidence) -> bool:
    """Whether only a batch of one gives no logits: a slip, because the model works in every training loop."""
    return any(note.id == ModelFact.BATCH_OF_ONE for note in evidence.notes)


def _is_over_by_uncounted_alone(options: ArchitectureOptions, evidence: ArchitectureEvidence) -> bool:
    """Whether a model is over the limit only by what torchsummary, the homework's measure, leaves out.

    That is a fixed table that is no layer's weight, or a layer that the confirmed artefact lacks. Both are measured on
    the artefact, so that no claim of the live model gives a review to a network of another size.
    """
    limit, artefact, counted = options.parameter_limit, evidence.artefact, evidence.torchsummary_total
    if not _size_problems(options, evidence) or not evidence.verified or artefact is None or counted is None:
        return False
    if not evidence.tables and not evidence.idle_parameters:
        return False
    used = artefact.parameters + artefact.constants - sum(size for _, size in evidence.tables)
    return counted <= limit and used <= limit + options.small_constants


def _uncounted_notes(evidence: ArchitectureEvidence) -> list[Note]:
    """The tables and layers that torchsummary leaves out, by name."""
    layers = dict.fromkeys(name.rpartition(".")[0] or name for name, _ in evidence.idle_parameters)
    notes = []
    if evidence.idle_parameters:
        idle = {"names": list(layers)[:5], "count": sum(size for _, size in evidence.idle_parameters)}
        notes.append(Note(id="model.idle_layers", params=idle))
    if evidence.tables:
        tables = {"names": [name for name, _ in evidence.tables[:5]], "count": sum(size for _, size in evidence.tables)}
        notes.append(Note(id="model.tables", params=tables))
    return notes


def _size_problems(options: ArchitectureOptions, evidence: ArchitectureEvidence) -> list[Note]:
    limit, parameters, hidden = options.parameter_limit, evidence.parameters or 0, evidence.hidden_numbers or 0
    size: dict[str, Any] = {"parameters": parameters, "limit": limit}
    if parameters > limit:
        return [Note(id="model.too_many_parameters", params=size | {"excess": parameters - limit})]
    # Before the artefact is audited, the hidden numbers are only a claim of the live model.
    is_settled = evidence.verification != "pending"
    if is_settled and parameters + hidden > limit + options.small_constants:
        tensors = [name for name, _ in evidence.hidden_tensors[:5]]
        return [Note(id="model.hidden_numbers", params=size | {"hidden": hidden, "tensors": tensors})]
    return []


def _unregistered_notes(evidence: ArchitectureEvidence) -> list[Note]:
    """A note on layers that the network uses but does not register as submodules."""
    if not evidence.unregistered or not evidence.hidden_numbers:
        return []
    params = {"count": evidence.unregistered, "names": list(evidence.unregistered_tensors[:3])}
    return [Note(id="model.unregistered", params=params)]
