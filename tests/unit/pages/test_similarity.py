"""Who shares what with whom in a class: beyond the starter code, beyond idioms, the copier beside the copied."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping

import pytest
from sqlalchemy import insert, select

from app.assignments import service as assignments
from app.scores.class_cache import ClassCache
from app.similarity import index
from app.similarity.index import ClassFingerprints, ReadingProgress, Similarity
from app.submissions.models import Blob, State, Submission, SubmissionPart
from app.users.models import Role, User
from grader.assignment import bundled, from_files
from tests.unit.pages.conftest import Course
from tests.unit.similarity.test_fingerprints import MODEL

STARTER = bundled("hw13").files["starter.py"]


def model(seed: int) -> str:
    """A model that no other student has."""
    layers = [f"nn.Conv2d({seed * 7 + n}, {seed * 11 + n}, {n + 1}, stride={seed + n})," for n in range(9)]
    return "net = nn.Sequential(\n    " + "\n    ".join(layers) + "\n)\n"


def submit(course: Course, sources: Mapping[str, str]) -> None:
    """One graded attempt a student with this text as the model."""
    with course.database.write() as session:
        published = assignments.current(session, "hw13").id
        for login, text in sources.items():
            user = User(login=login, name=login.title(), role=Role.STUDENT)
            session.add(user)
            session.flush()
            attempt = Submission(
                id=uuid.uuid4(), user_id=user.id, submitted_by_id=user.id, assignment_id=published, attempt=1,
                state=State.GRADED, repair="suggest", content_key="0" * 64, body_digest="0" * 64,
            )  # fmt: skip
            data = text.encode()
            digest = hashlib.sha256(data).hexdigest()
            session.add(attempt)
            session.flush()
            if session.get(Blob, digest) is None:
                session.execute(insert(Blob).values(sha256=digest, size=len(data), data=data))
            session.add(SubmissionPart(submission_id=attempt.id, name="model", blob_sha256=digest))


def prints(course: Course) -> ClassFingerprints:
    with course.database.read() as session:
        result = Similarity().of_class(session, ClassCache().snapshot(session, "hw13"))
    assert isinstance(result, ClassFingerprints)
    return result


def pairs(course: Course) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in prints(course).pairs]


def test_the_copier_stands_beside_the_copied(course: Course) -> None:
    copied = MODEL.replace("stem", "first").replace("width", "n")
    submit(course, {"ann": MODEL, "ben": copied + STARTER, "cho": STARTER, "dia": model(3), "eve": model(5)})
    assert pairs(course) == [("ann", "ben")]
    assert prints(course).pairs[0].share == 1.0
    main = course.get("/dashboard/hw13/similarity").text.partition("<main")[2]
    assert "100.0%" in main
    assert "ann" in main
    assert "dia" not in main


def test_starter_code_alone_says_nothing(course: Course) -> None:
    submit(course, {"ann": STARTER, "ben": STARTER, "cho": bundled("hw13").prelude_source()})
    assert pairs(course) == []
    assert "No two students" in course.get("/dashboard/hw13/similarity").text


def test_what_many_wrote_alike_is_an_idiom(course: Course) -> None:
    everybody = {f"s{n:02}": MODEL + model(n) for n in range(11)}
    submit(course, everybody | {"twin": model(4)})
    assert pairs(course) == [("s04", "twin")]


def test_a_few_who_share_are_no_idiom(course: Course) -> None:
    submit(course, {f"s{n}": MODEL + model(n) for n in range(4)})
    assert len(pairs(course)) == 6


def test_a_student_is_shown_who_shares_and_how_much(course: Course) -> None:
    submit(course, {"ann": MODEL, "ben": MODEL + model(1) + model(2), "cho": model(3)})
    result = prints(course)
    (hit,) = result.hits("ann", index.fingerprints_of([MODEL]))
    assert (hit.login, hit.of_this) == ("ben", 1.0)
    assert hit.of_other < 0.7
    assert result.hits("cho", index.fingerprints_of([model(3)])) == []
    submission = result.pairs[0].first_submission
    fragment = course.get(f"/dashboard/hw13/submissions/{submission}/similar").text
    assert "/dashboard/hw13/students/ben" in fragment
    assert "<html" not in fragment


def test_two_sources_stand_side_by_side_with_shared_lines_marked(course: Course) -> None:
    submit(course, {"ann": model(8) + MODEL, "ben": STARTER + MODEL + "# <b>mine</b>\n"})
    pair = prints(course).pairs[0]
    query = f"first={pair.first_submission}&second={pair.second_submission}"
    html = course.get(f"/dashboard/hw13/similarity/compare?{query}").text
    assert html.count('class="ln marked"') >= 20
    assert "&lt;b&gt;mine" in html
    first = html.split('id="side-2"')[0]
    assert 'class="ln"><span class="n">net' in first
    unknown = course.get(f"/dashboard/hw13/similarity/compare?first={uuid.uuid4()}&second={pair.second_submission}")
    assert unknown.status_code == 404
    other = bundled("hw13").files["assignment.toml"].replace('slug = "hw13"', 'slug = "hw14"')
    with course.database.write() as session:
        assignments.publish(session, from_files({**bundled("hw13").files, "assignment.toml": other}))
        second = session.get_one(Submission, pair.second_submission)
        second.assignment_id = assignments.current(session, "hw14").id
    assert course.get(f"/dashboard/hw13/similarity/compare?{query}").status_code == 404


def test_lines_of_the_starter_that_both_have_are_not_marked(course: Course) -> None:
    submit(course, {"ann": STARTER, "ben": STARTER + model(9)})
    with course.database.read() as session:
        first, second = session.scalars(select(Submission.id))
    html = course.get(f"/dashboard/hw13/similarity/compare?first={first}&second={second}").text
    assert html.count('class="ln"') > 2 * len(STARTER.splitlines())
    assert 'class="ln marked"' not in html


def test_a_class_is_read_bit_by_bit(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_READING_SECONDS", -1)
    monkeypatch.setattr(index, "_CHUNK", 2)
    submit(course, {f"s{n}": model(n) for n in range(5)})
    similarity, states = Similarity(), []
    with course.database.read() as session:
        snapshot = ClassCache().snapshot(session, "hw13")
        for _ in range(3):
            result = similarity.of_class(session, snapshot)
            states.append((result.done, result.total) if isinstance(result, ReadingProgress) else None)
        assert states == [(2, 5), (4, 5), None]
        assert similarity.of_class(session, snapshot) is result
    assert "0 of" not in course.get("/dashboard/hw13/similarity").text
    assert 'hx-get="/dashboard/hw13/similarity"' in course.get("/dashboard/hw13/similarity").text
