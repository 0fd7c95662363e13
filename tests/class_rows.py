"""Classes of any size, made of plain rows: graded attempts of every kind, without a sandbox."""

from __future__ import annotations

import hashlib
import itertools
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from app.assignments import service as assignments
from app.courses.names import FIRST
from app.db.engine import Database
from app.scores.models import StoredScore
from app.submissions.models import Blob, Run, RunOutcome, State, StoredEvidence, Submission, SubmissionPart
from app.users.models import Enrolment, Role, User
from grader import scoring
from grader.assignment import Assignment
from grader.checks.architecture.evidence import ArchitectureEvidence, ForwardProbe
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence, TermEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Evidence

MISTAKES = (None, None, "kd.soft_term.probabilities_not_log", "kd.alpha_swapped", "kd.temperature_ignored")
FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
_KINDS = 80
"""So many different results are measured; a large class shares them, so that it is made in seconds."""


def enrol(database: Database, students: int, attempts: int) -> None:
    """Add students with graded attempts of every kind: mistakes, sizes, provisional points, days, sources."""
    chance, writing = random.Random(students), random.Random(students)
    with database.write() as session:
        published = assignments.current(session, "hw13")
        definition = assignments.definition(published)
        results = [_results(definition, chance) for _ in range(_KINDS)]
        sources = [_source(writing).encode() for _ in range(_KINDS)]
        digests = [hashlib.sha256(source).hexdigest() for source in sources]
        people = [{"login": f"s{n:05}", "name": f"Student {n}", "role": Role.STUDENT} for n in range(students)]
        session.execute(insert(User), people)
        ids = session.scalars(select(User.id).where(User.role == Role.STUDENT).order_by(User.login)).all()
        enrolled = set(session.scalars(select(Enrolment.user_id)))
        new = [{"user_id": key, "course": FIRST, "role": Role.STUDENT} for key in ids if key not in enrolled]
        session.execute(insert(Enrolment), new)
        rows: dict[type[Any], list[dict[str, Any]]] = {
            table: [] for table in (Blob, Submission, SubmissionPart, Run, StoredEvidence, StoredScore)
        }
        for digest, source in dict(zip(digests, sources, strict=True)).items():
            rows[Blob].append({"sha256": digest, "size": len(source), "data": source})
        for user_id in ids:
            for attempt in range(1, attempts + 1):
                number = len(rows[Submission]) + 1
                handed_in = FIRST_DAY + timedelta(hours=chance.uniform(0, 24 * 14))
                submission = {
                    "id": uuid.UUID(int=chance.getrandbits(128), version=4),
                    "user_id": user_id,
                    "submitted_by_id": user_id,
                    "assignment_id": published.id,
                    "attempt": attempt,
                    "state": State.GRADED,
                    "repair": "suggest",
                    "content_key": "0" * 64,
                    "body_digest": "0" * 64,
                    "submitted_at": handed_in,
                    "finished_at": handed_in,
                    "run_id": number,
                }
                rows[Submission].append(submission)
                part = {"submission_id": submission["id"], "name": "model", "filename": None}
                rows[SubmissionPart].append(part | {"blob_sha256": writing.choice(digests)})
                run = {"id": number, "submission_id": submission["id"], "number": 1, "executor": "test"}
                run |= {"assignment_id": published.id, "grader_version": "1", "content_key": "0" * 64}
                rows[Run].append(run | {"outcome": RunOutcome.FINISHED})
                for question, (evidence, score) in chance.choice(results).items():
                    of = {"id": len(rows[StoredEvidence]) + 1, "run_id": number, "question": question}
                    of |= {"submission_id": submission["id"], "schema_version": 1}
                    rows[StoredEvidence].append(of | {"data": evidence})
                    of_score = {"submission_id": submission["id"], "question": question, "rubric_id": published.id}
                    rows[StoredScore].append({**of_score, "evidence_id": of["id"], **score})
        for table, values in rows.items():
            if values:
                session.execute(insert(table), values)


def _source(chance: random.Random) -> str:
    """A small model: its widths and depth differ from one to the next."""
    widths = [3, *(chance.choice((16, 24, 32, 48, 64, 96)) for _ in range(chance.randint(3, 6)))]
    layers = "\n".join(
        f"            nn.Conv2d({before}, {after}, {chance.choice((1, 3, 5))}, stride={chance.choice((1, 2))}),"
        for before, after in itertools.pairwise(widths)
    )
    return f"""class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
{layers}
            nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear({widths[-1]}, 11)

    def forward(self, x):
        return self.fc(self.cnn(x).flatten(1))


def get_student_model():
    return StudentNet()
"""


def _results(assignment: Assignment, chance: random.Random) -> dict[str, tuple[Any, dict[str, Any]]]:
    """By question, the evidence of one attempt as it is stored, and the columns of its score."""
    results = {}
    for question, evidence in evidence_of_attempt(chance).items():
        score = scoring.score(assignment, question, evidence)
        columns = score.model_dump(include={"score", "max_score", "verdict", "fault"})
        messages = [message.model_dump(mode="json") for message in score.messages]
        results[question] = evidence.model_dump(mode="json"), columns | {"messages": messages}
    return results


def evidence_of_attempt(chance: random.Random) -> dict[str, Evidence]:
    """By question of hw13, evidence of one attempt."""
    parameters = chance.randint(20_000, 110_000)
    mistake = chance.choice(MISTAKES)
    right, wrong = TermEvidence(agrees=True, cases=4), TermEvidence(cases=4, failed=4)
    terms = {"hard_term": right, "soft_term": wrong if mistake else right}
    terms |= {"mixture": terms["soft_term"], "gradient": terms["soft_term"]}
    probe = ForwardProbe(batch=1, mode="eval", kind="tensor", shape=(1, 11), finite=True)
    picture = {"format": "PNG", "width": 4, "height": 3, "sha256": "0" * 64}
    curve = ({"ratio": 0.0, "accuracy": chance.uniform(0.3, 0.9)},)
    return {
        "1.1": ArchitectureEvidence(
            parameters=parameters,
            verified=True,
            verification="confirmed",
            hidden_numbers=0,
            gradients_reached=4,
            probes=(probe,),
        ),
        "1.2": SummaryEvidence(claimed_total=parameters, actual_total=parameters),
        "2.1": KDLossEvidence(**terms, diagnosis=mistake),
        "2.2": ChoiceEvidence(answer=chance.choice(("softer", "harder"))),
        "3.1": PruningEvidence(picture=picture, curve=curve, weights="uploaded", images=220),
        "3.2": ChoiceEvidence(answer=chance.choice(("yes", "no"))),
    }
