"""The replay archive, with which students reproduce a failure of their grading with PyTorch alone."""

from __future__ import annotations

import io
import json
import platform
import uuid
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.problems import Conflict
from app.scores import repository as scores
from app.scores import withholding
from app.scores.standing import submission_score
from app.submissions import repository, service
from app.submissions.models import Submission
from grader import intake, stored_evidence
from grader.assignment import Assignment, Tell
from grader.checks import registry
from grader.evidence import Evidence
from grader.parts import PartKind
from grader.reading.reader import Reader, open_child
from grader.submission import Part

_FILES = Path(__file__).parent / "replay_archive"
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
    files = _files(session, viewer, submission)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            zipped.writestr(zipfile.ZipInfo(name, _FIXED_DATE), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _files(session: Session, viewer: Viewer, submission: Submission) -> dict[str, bytes]:
    definition = assignments.definition(submission.assignment)
    withheld = withholding.withheld(session, definition, is_staff=access.is_staff_of(viewer, definition.slug))
    measured = _measured(session, submission, withheld)
    versions = [version for number, (version, _) in measured.items() if registry.of(version.question(number)).runs_code]
    assignment = versions[-1] if versions else definition
    code_parts = assignment.part_names(PartKind.CODE)
    uploaded = {
        part.name: Part(repository.blob(session, part.blob_sha256), part.filename)
        for part in repository.parts(session, submission.id)
        if part.name in code_parts
    }
    sources = _sources(assignment)
    files = {
        "README.md": (_FILES / "README.md").read_bytes(),
        "prelude.py": assignment.prelude_source().encode(),
        "replay.json": _about(session, submission, assignment, sources, withheld).encode(),
    }
    for name, part in uploaded.items():
        suffix = Path(part.filename or "").suffix
        files[f"uploaded/{name}{suffix if suffix in _SUFFIXES else '.py'}"] = part.data
    as_run = dict(_as_run(uploaded, assignment, submission, sources))
    for number, source in as_run.items():
        files["replaying.py"] = (_FILES / "replaying.py").read_bytes()
        files[sources[number]] = source.encode()
        version, evidence = measured.get(number, (assignment, None))
        question = version.question(number)
        texts = registry.of(question).replay(version, question, evidence)
        files |= {name: text.encode() for name, text in texts.items()}
    return files


def _measured(
    session: Session, submission: Submission, withheld: Collection[str]
) -> dict[str, tuple[Assignment, Evidence]]:
    """By question the evidence that counts and the assignment's version with which it was measured, oldest first.

    The evidence of ``withheld`` questions is left out.
    """
    computed = scores.computed(session, [submission.id], evidence=True)[submission.id]
    rows = [row.evidence for number, row in computed.items() if number not in withheld]
    return {
        row.question: (repository.assignment_of_run(session, row.run_id), stored_evidence.parse(row.data))
        for row in sorted(rows, key=lambda row: (row.run_id, row.question))
    }


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
    uploaded: Mapping[str, Part], assignment: Assignment, submission: Submission, wanted: Collection[str]
) -> Iterator[tuple[str, str]]:
    """By question the source as intake extracts it. One notebook may hold several."""
    numbers, entries = registry.entry_points(assignment)
    names = intake.prelude_names(assignment.prelude_source())
    readings = Reader(open_child).read_code(uploaded, entries, names, submission.repair)
    for number, reading in zip(numbers, readings, strict=True):
        if number in wanted and reading.result.source is not None:
            yield number, reading.result.source


def _about(
    session: Session,
    submission: Submission,
    assignment: Assignment,
    sources: Mapping[str, str],
    withheld: Mapping[str, Tell],
) -> str:
    """Versions, seeds and results as JSON. Of the assignment only the facts that students know."""
    score = submission_score(session, submission, evidence=True).told(withheld)
    run = repository.run(session, submission.run_id)
    about = {
        "submission": str(submission.id),
        "attempt": submission.attempt,
        "submitted_at": submission.submitted_at.isoformat(),
        "grader_version": run.grader_version if run else None,
        "assignment": {
            "slug": assignment.slug,
            "version": assignment.version,
            # Who knows the other files finds a withheld key by trying each: the digest covers it.
            "digest": None if withheld else assignment.digest,
            **registry.public_options(assignment),
        },
        "files": {part.name: part.filename for part in repository.parts(session, submission.id)},
        "versions": {"python": platform.python_version(), "torch": version("torch"), "numpy": version("numpy")},
        "questions": [
            {
                "number": standing.question.number,
                "check": standing.question.check,
                "entry": standing.question.entry,
                "source": sources.get(standing.question.number),
                "score": standing.told_score,
                "max_score": standing.question.points,
                "verdict": standing.verdict.value,
                "messages": [note.id for note in standing.messages],
                "seeds": list(standing.evidence.get("seeds", ())),
                "outcome": standing.evidence.get("outcome"),
            }
            for standing in score.questions
        ],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"
