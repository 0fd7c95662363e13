"""The pages on a database of their own, without a worker: classes of any size, made of plain rows."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import insert, select

from app import pages, problems
from app.assignments import service as assignments
from app.auth.dependencies import optional_user
from app.auth.viewer import Viewer
from app.db import migrate
from app.db.engine import Database
from app.scores.models import StoredScore
from app.settings import Settings
from app.submissions.models import Run, RunOutcome, State, StoredEvidence, Submission
from app.users import service as users
from app.users.models import Role, User
from grader import scoring
from grader.assignment import Assignment
from grader.evidence import (
    AnyEvidence,
    ArchitectureEvidence,
    ChoiceEvidence,
    ForwardProbe,
    KDLossEvidence,
    PruningEvidence,
    SummaryEvidence,
    TermEvidence,
)

MISTAKES = (None, None, "kd.soft_term.probabilities_not_log", "kd.alpha_swapped", "kd.temperature_ignored")
FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Course:
    """A database with the worked assignment, the pages on it, and a client who is the admin."""

    database: Database
    app: FastAPI
    viewer: Viewer

    def get(self, path: str) -> httpx.Response:
        """A page, as a browser asks for it."""
        return self.send("GET", path)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request of a browser."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers={"Accept": "text/html"}, **request)

        return anyio.run(asked)

    def enrol(self, students: int, attempts: int) -> None:
        """Add students with graded attempts of every kind: mistakes, sizes, provisional points, days."""
        chance = random.Random(students)
        with self.database.write() as session:
            published = assignments.current(session, "hw13")
            definition = assignments.definition(published)
            # Measured once, handed in by many: a large class is made in seconds.
            results = [self._results(definition, chance) for _ in range(80)]
            people = [{"login": f"s{n:05}", "name": f"Student {n}", "role": Role.STUDENT} for n in range(students)]
            session.execute(insert(User), people)
            ids = session.scalars(select(User.id).where(User.role == Role.STUDENT).order_by(User.login)).all()
            rows: dict[type[Any], list[dict[str, Any]]] = {Submission: [], Run: [], StoredEvidence: [], StoredScore: []}
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

    def _results(self, assignment: Assignment, chance: random.Random) -> dict[str, tuple[Any, dict[str, Any]]]:
        """By question, the evidence of one attempt as it is stored, and the columns of its score."""
        results = {}
        for question, evidence in self._evidence(chance).items():
            score = scoring.score(assignment, question, evidence)
            columns = score.model_dump(include={"score", "max_score", "verdict", "fault"})
            messages = [message.model_dump(mode="json") for message in score.messages]
            results[question] = evidence.model_dump(mode="json"), columns | {"messages": messages}
        return results

    def _evidence(self, chance: random.Random) -> dict[str, AnyEvidence]:
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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(_settings(folder))
    return folder / "assay.sqlite3"


@pytest.fixture
def open_course(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Course]]:
    """Makes a course on a fresh database."""
    opened: list[Course] = []

    def make() -> Course:
        folder = tmp_path_factory.mktemp("course")
        (folder / "assay.sqlite3").write_bytes(migrated.read_bytes())
        database = Database(_settings(folder))
        with database.write() as session:
            assignments.publish_bundled(session)
            viewer = Viewer.of(users.create_user(session, login="mia", name="Mia", role=Role.ADMIN, actor="test"))
        app = FastAPI()
        app.state.database, app.state.settings = database, _settings(folder)
        problems.install(app)
        pages.install(app)
        app.dependency_overrides[optional_user] = lambda: viewer
        opened.append(Course(database, app, viewer))
        return opened[-1]

    yield make
    for course in opened:
        course.database.close()


@pytest.fixture
def course(open_course: Callable[[], Course]) -> Course:
    """One course without students."""
    return open_course()


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))
