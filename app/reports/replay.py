"""The replay archive, with which students reproduce a failure of their grading with PyTorch alone."""

from __future__ import annotations

import io
import json
import platform
import uuid
import zipfile
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.problems import Conflict
from app.scores import repository as scores
from app.scores.standing import SubmissionScore, submission_score
from app.submissions import repository, service
from app.submissions.models import Run, StoredEvidence, Submission
from grader import intake, stored_evidence
from grader.assignment import Assignment
from grader.checks import registry
from grader.checks.kd_loss import kd_replay
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.kd_loss.kd_replay import Failure
from grader.parts import PartKind
from grader.submission import Part

_FILES = Path(__file__).parent / "replay_archive"
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "architecture": ("replay_model.py",),
    "kd_loss": ("replay_loss.py", "replay_model.py"),
}
"""The scripts for a question, by its check."""
_SUFFIXES = (".py", ".ipynb", ".txt")
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


class NotGradedYet(Conflict):
    """The grading has not ended, so there is nothing to replay yet."""

    slug = "not-graded-yet"


def archive(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> bytes:
    """The archive as a ZIP, always with the same bytes. Raises `SubmissionNotFound` or `NotGradedYet`."""
    submission = service.find(session, viewer, submission_id)
    if not submission.state.ended:
        raise NotGradedYet
    files = _files(session, submission)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            zipped.writestr(zipfile.ZipInfo(name, _FIXED_DATE), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _files(session: Session, submission: Submission) -> dict[str, bytes]:
    score = submission_score(session, submission, evidence=True)
    loss = _loss_evidence(session, submission)
    failures: tuple[Failure, ...] = ()
    measured_with = assignments.definition(submission.assignment)
    if loss is not None:
        stored, evidence = loss
        measured_with = repository.assignment_of_run(session, stored.run_id)
        question = measured_with.question(stored.question)
        failures = kd_replay.failures(measured_with, question, evidence)
    code_parts = measured_with.part_names(PartKind.CODE)
    uploaded = {
        part.name: Part(repository.blob(session, part.blob_sha256), part.filename)
        for part in repository.parts(session, submission.id)
        if part.name in code_parts
    }
    sources = _sources(measured_with)
    run = repository.run(session, submission.run_id)
    files = {
        "README.md": (_FILES / "README.md").read_bytes(),
        "prelude.py": measured_with.prelude_source().encode(),
        "replay.json": _json(_about(submission, run, measured_with, score, sources)),
    }
    for name, part in uploaded.items():
        suffix = Path(part.filename or "").suffix
        files[f"uploaded/{name}{suffix if suffix in _SUFFIXES else '.py'}"] = part.data
    files |= _as_run(uploaded, measured_with, submission, sources)
    if loss is not None and loss[1].call and sources.get(loss[0].question) in files:
        files["cases.json"] = _json([_case(failure) for failure in failures])
        files["call.py"] = f"value = {loss[1].call}\n".encode()
    else:
        files.pop("replay_loss.py", None)
    return files


def _loss_evidence(session: Session, submission: Submission) -> tuple[StoredEvidence, KDLossEvidence] | None:
    """The evidence of the loss that counts: its row and its parsed data."""
    for score in scores.computed(session, [submission.id], evidence=True)[submission.id].values():
        evidence = stored_evidence.parse(score.evidence.data)
        if isinstance(evidence, KDLossEvidence):
            return score.evidence, evidence
    return None


def _sources(assignment: Assignment) -> dict[str, str]:
    """By question the file of the code that was run for it: named after its part, or after its entry point if several
    questions call functions of the part."""
    owners = {
        question.number: (own[0], question.entry)
        for question in assignment.questions
        if question.entry and (own := assignment.part_names(PartKind.CODE, question))
    }
    counts = Counter(part for part, _ in owners.values())
    return {number: f"as_run/{part if counts[part] == 1 else entry}.py" for number, (part, entry) in owners.items()}


def _as_run(
    uploaded: Mapping[str, Part], assignment: Assignment, submission: Submission, sources: Mapping[str, str]
) -> dict[str, bytes]:
    """The sources as intake extracts them, and the scripts that run them. One notebook may hold several."""
    names = intake.defined_names(assignment.prelude_source())
    files: dict[str, bytes] = {}
    for number, file in sources.items():
        question = assignment.question(number)
        entry = str(question.entry)
        part = intake.find_part(uploaded, *assignment.code_parts(question), entry)
        source = intake.read_part(part, entry, names, submission.repair).source if part is not None else None
        if source is not None:
            files[file] = source.encode()
            files |= {script: (_FILES / script).read_bytes() for script in _SCRIPTS.get(question.check, ())}
    return files


def _case(failure: Failure) -> dict[str, Any]:
    """A case as JSON data: logits ``(N, C)``, labels ``(N,)``."""
    inputs = failure.case.inputs
    return {
        "term": failure.term,
        "case": failure.case.name,
        "alpha": failure.case.alpha,
        "temperature": failure.case.temperature,
        "student_logits": [[float(str(number)) for number in row] for row in inputs.student],
        "labels": inputs.labels.tolist(),
        "teacher_logits": [[float(str(number)) for number in row] for row in inputs.teacher],
        "value": failure.value,
        "gradient": failure.gradient.tolist(),
        "expected": failure.expected,
        "got": failure.got,
    }


def _about(
    submission: Submission,
    run: Run | None,
    assignment: Assignment,
    score: SubmissionScore,
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Versions, seeds and results. Of the assignment only the facts that students know."""
    return {
        "submission": str(submission.id),
        "attempt": submission.attempt,
        "submitted_at": submission.submitted_at.isoformat(),
        "grader_version": run.grader_version if run else None,
        "assignment": {
            "slug": assignment.slug,
            "version": assignment.version,
            "digest": assignment.digest,
            **registry.public_options(assignment),
        },
        "versions": {"python": platform.python_version(), "torch": version("torch"), "numpy": version("numpy")},
        "questions": [
            {
                "number": standing.question.number,
                "check": standing.question.check,
                "entry": standing.question.entry,
                "source": sources.get(standing.question.number),
                "score": standing.score,
                "max_score": standing.question.points,
                "verdict": standing.verdict.value,
                "messages": [note.id for note in standing.messages],
                "seeds": list(standing.evidence.get("seeds", ())),
                "outcome": standing.evidence.get("outcome"),
            }
            for standing in score.questions
        ],
    }


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
