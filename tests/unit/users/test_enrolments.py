"""People in courses: rosters by course with sections, who dropped, who may change what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select

from app.audit import service as audit
from app.audit.models import AuditEntry
from app.auth import access
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.courses.models import Course
from app.db import migrate
from app.db.engine import Database
from app.problems import Forbidden
from app.settings import Settings
from app.users import enrolments, importing, repository, service
from app.users.models import Role, User
from app.users.schemas import RosterPreview

ML27 = "ml27"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two courses and nobody in them, to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(_settings(folder))
    opened = Database(_settings(folder))
    with opened.write() as session:
        session.add(Course(slug=ML27, title="Machine learning", term="2027"))
    opened.close()
    return folder / "assay.sqlite3"


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    """A copy of that database."""
    shutil.copy(migrated, tmp_path)
    opened = Database(_settings(tmp_path))
    yield opened
    opened.close()


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))


def people(database: Database, course: str = "main") -> dict[str, tuple[Role, str | None, bool]]:
    """Role, section, and whether they dropped, by login."""
    with database.read() as session:
        rows = repository.enrolments(session, course)
        return {user.login: (row.role, row.section, row.dropped_at is not None) for user, row in rows}


def load(database: Database, text: str, course: str = "main", drop: tuple[str, ...] = ()) -> dict[str, str]:
    """Import a roster. Returns the effect of each row by login."""
    with database.write() as session:
        plan = importing.plan_roster(session, text, course)
        actions = {row.login: row.action for row in plan.rows}
        importing.import_plan(session, plan, actor="test", drop=drop)
    return dict(actions)


def test_a_roster_has_sections(database: Database) -> None:
    load(database, "login,name,section\nann,Ann,A\nben,Ben,\ncho,Cho,B\n")
    assert people(database)["ann"] == (Role.STUDENT, "A", False)
    assert load(database, "login,name,section\nann,Ann,B\nben,Ben,\ncho,Cho,\n") == {
        "ann": "update",
        "ben": "keep",
        "cho": "keep",
    }
    assert people(database) == {
        "ann": (Role.STUDENT, "B", False),
        "ben": (Role.STUDENT, None, False),
        "cho": (Role.STUDENT, "B", False),
    }


def test_who_is_missing_is_marked_and_comes_back(database: Database) -> None:
    load(database, "login,name,role,section\nann,Ann,,A\nben,Ben,,A\ncho,Cho,,\ntia,Tia,ta,\n")
    short = "login,name\nann,Ann\n"
    with database.read() as session:
        plan = RosterPreview.of(importing.plan_roster(session, short))
    assert [(row.login, row.section) for row in plan.missing] == [("ben", "A"), ("cho", None)], "staff are not"
    load(database, short)
    assert not any(dropped for _, _, dropped in people(database).values()), "nobody asked for it"
    # Only those whom the preview showed: Ann is in the roster, and Tia is staff.
    load(database, short, drop=("ben", "ann", "tia", "nobody"))
    assert [login for login, (_, _, dropped) in people(database).items() if dropped] == ["ben"]
    with database.read() as session:
        assert access.role_in(Viewer.of(service.find(session, "ben")), "main") is None
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.action, entry.subject, entry.detail) == ("enrolment.edit", "ben", {"dropped": "yes"})
        assert [row.login for row in RosterPreview.of(importing.plan_roster(session, short)).missing] == ["cho"]
    assert load(database, "login,name\nben,Ben\n") == {"ben": "return"}
    assert people(database)["ben"] == (Role.STUDENT, "A", False)


def test_a_roster_that_is_empty_or_wrong_drops_nobody(database: Database) -> None:
    load(database, "login,name\nann,Ann\n")
    for text in ("login,name\n", "login,name\nann,\nben,Ben\n"):
        with database.read() as session:
            assert importing.plan_roster(session, text).missing == []


def test_one_person_is_a_student_here_and_an_assistant_there(database: Database) -> None:
    load(database, "login,name\nann,Ann\nben,Ben\n")
    assert load(database, "login,name,role\nann,Ann,ta\ndee,Dee,\n", ML27) == {"ann": "enrol", "dee": "add"}
    assert people(database) == dict.fromkeys(("ann", "ben"), (Role.STUDENT, None, False))
    assert people(database, ML27) == {"ann": (Role.TA, None, False), "dee": (Role.STUDENT, None, False)}
    with database.write() as session, pytest.raises(importing.RosterError, match="ann is ta"):
        importing.import_roster(session, "login,name,role\nann,Ann,student\n", actor="test", course=ML27)
    # A role that is changed in the first course, or without a course, changes none in another.
    with database.write() as session:
        with pytest.raises(service.RoleByCourse, match="not in the first course but in ml27"):
            service.edit_user(session, service.find(session, "dee"), actor="test", role=Role.TA)
        service.edit_user(session, service.find(session, "ann"), actor="test", role=Role.INSTRUCTOR)
    assert people(database, ML27) == {"ann": (Role.TA, None, False), "dee": (Role.STUDENT, None, False)}
    assert people(database)["ann"][0] is Role.INSTRUCTOR
    assert "dee" not in people(database)


def test_a_person_of_another_course_can_become_an_admin_and_be_one_no_more(database: Database) -> None:
    load(database, "login,name\ndee,Dee\n", ML27)
    with database.write() as session:
        dee = service.find(session, "dee")
        service.edit_user(session, dee, actor="test", role=Role.ADMIN)
        service.edit_user(session, dee, actor="test", role=Role.STUDENT)
    assert people(database, ML27) == {"dee": (Role.STUDENT, None, False)}
    assert people(database) == {}


def test_an_archived_course_keeps_its_people_and_their_roles(database: Database) -> None:
    load(database, "login,name\nann,Ann\n")
    with database.write() as session:
        mia = service.create_user(session, login="mia", name="Mia", role=Role.ADMIN, actor="test")
        courses.archive(session, courses.find(session, "main"), actor="test")
        with pytest.raises(courses.CourseArchived):
            service.create_user(session, login="new", name="New", role=Role.STUDENT, actor="test")
        with pytest.raises(courses.CourseArchived):
            service.edit_user(session, service.find(session, "ann"), actor="test", role=Role.TA)
        service.edit_user(session, service.find(session, "ann"), actor="test", name="Ann Lee")
        service.create_user(session, login="ada", name="Ada", role=Role.ADMIN, actor="test")
        service.edit_user(session, mia, actor="test", role=Role.STUDENT)
    assert people(database) == {"ann": (Role.STUDENT, None, False)}


def test_links_are_of_one_course_that_exists(database: Database) -> None:
    load(database, "login,name,role\nann,Ann,\nben,Ben,\n")
    load(database, "login,name,role\nann,Ann,ta\ndee,Dee,\n", ML27)
    with database.write() as session:
        links = service.create_login_links(session, actor="test", course=ML27, role=Role.TA)
        assert [link.login for link in links] == ["ann"]
        with pytest.raises(courses.CourseNotFound):
            service.create_login_links(session, actor="test", course="ml99")


def test_two_rows_of_one_person_are_told(database: Database) -> None:
    load(database, "login,name,student_id\nann,Ann,B1\n")
    with database.read() as session:
        plan = importing.plan_roster(session, "Name,Email,SID\nAnn,ann@x.example,B1\nAnn,ann,B1\n")
    assert [row.reason for row in plan.rejected] == ["ann appears twice, first on line 2"]


def test_an_admin_is_enrolled_nowhere(database: Database) -> None:
    with database.write() as session:
        mia = service.create_user(session, login="mia", name="Mia", role=Role.ADMIN, actor="test")
        with pytest.raises(enrolments.AdminEnrolled):
            enrolments.add(session, mia, ML27, Role.TA, None, actor="test")
    assert load(database, "login,name\nmia,Mia\n", ML27) == {"mia": "keep"}
    assert people(database, ML27) == {}


def test_an_instructor_names_no_instructor(database: Database) -> None:
    load(database, "login,name,role\nann,Ann,\nida,Ida,instructor\njon,Jon,instructor\n", ML27)
    with database.write() as session:
        ann, ida, jon = (enrolments.find(session, login, ML27) for login in ("ann", "ida", "jon"))
        for user, row, change in (
            (*ann, {"role": Role.INSTRUCTOR}),
            (*jon, {"role": Role.TA}),
            (*jon, {"dropped": True}),
        ):
            with pytest.raises(Forbidden):
                enrolments.change(session, user, row, actor="ida", as_admin=False, **change)
        with pytest.raises(enrolments.OwnEnrolment):
            enrolments.change(session, *ida, actor="ida", as_admin=False, dropped=True)
        basis = enrolments.stamp(ann[1])
        enrolments.change(session, *ann, actor="ida", as_admin=False, role=Role.TA, section="A", basis=basis)
        with pytest.raises(enrolments.EnrolmentChanged):
            enrolments.change(session, *ann, actor="jon", as_admin=False, section="B", basis=basis)
    assert people(database, ML27)["ann"] == (Role.TA, "A", False)


def test_people_of_a_process_without_courses_are_placed(database: Database) -> None:
    with database.write() as session:
        for login, role in (("old", Role.STUDENT), ("tia", Role.TA), ("mia", Role.ADMIN)):
            session.execute(insert(User).values(login=login, name=login, role=role))
        service.create_user(session, login="dee", name="Dee", role=Role.STUDENT, actor="test", course=ML27)
        assert enrolments.place(session) == 2
        assert enrolments.place(session) == 0
    assert people(database) == {"old": (Role.STUDENT, None, False), "tia": (Role.TA, None, False)}
    with database.write() as session:
        # Who lost their only course by its deletion is not a member of the first one.
        audit.record(session, "mia", "course.create", ML27)
        session.execute(insert(User).values(login="eve", name="Eve", role=Role.TA))
        assert enrolments.place(session) == 0
    assert "eve" not in people(database)
