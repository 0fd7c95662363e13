"""Rosters as courses have them: our own, Canvas', Gradescope's, and what is wrong with some rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.db import migrate
from app.db.engine import Database
from app.settings import Settings
from app.users import importing, roster
from app.users.models import Role, User
from app.users.schemas import RosterPreview

CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,HW13 (77)\r\n"
    "    Points Possible,,,,,4\r\n"
    '"Lin, Ann",900,B01,ann,S1,\r\n'
    "Bob,901,B02,,S1,\r\n"
    '"Student, Test",999,,,S1,\r\n'
)
GRADESCOPE = (
    "First Name,Last Name,SID,Email,Role,Sections\n"
    "Ann,Lin,B01,ann@school.example,Student,1\n"
    "Tom,Wu,,tom@school.example,TA,\n"
    "Eva,Ito,,eva@school.example,Dean,\n"
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty database; every test brings its own people."""
    folder = tmp_path_factory.mktemp("people")
    settings = Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))
    migrate.upgrade(settings)
    opened = Database(settings)
    yield opened
    opened.close()


def test_a_canvas_gradebook_is_a_roster() -> None:
    parsed = roster.read(CANVAS)
    assert (parsed.format, parsed.unreadable) == ("canvas", None)
    assert parsed.rows == (roster.Row(3, "ann", "Lin, Ann", None, "B01", "S1"),)
    assert parsed.rejected == (roster.Rejected(4, "Bob has no SIS Login ID"),)


def test_a_canvas_gradebook_without_logins_says_what_is_missing() -> None:
    assert "SIS Login ID" in str(roster.read("Student,ID,Section\nAnn,1,S\n").unreadable)


def test_a_gradescope_roster_is_a_roster() -> None:
    parsed = roster.read(GRADESCOPE)
    assert parsed.format == "gradescope"
    assert parsed.rows == (
        roster.Row(2, "ann@school.example", "Ann Lin", Role.STUDENT, "B01", "1"),
        roster.Row(3, "tom@school.example", "Tom Wu", Role.TA, None),
    )
    assert [(row.line, "not 'Dean'" in row.reason) for row in parsed.rejected] == [(4, True)]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_understood(separator: str) -> None:
    rows = roster.read(f"login{separator}name{separator}role\nann{separator}Lin, Ann{separator}TA\n").rows
    assert rows == (roster.Row(2, "ann", "Lin, Ann", Role.TA, None),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no good,Ann,,", "'no good' is not a login"),
        (",Ann,,", "the login is empty"),
        ("ann,,,", "the name is empty"),
        ("ann,Ann\0,,", "cannot be shown"),
        ("ann,Ann,dean,", "the role is one of student, ta, instructor, admin, not 'dean'"),
        ("ann,Lin, Ann,student,B1", "more cells than the header"),
        ("first,Again,,", "first appears twice, first on line 2"),
        (f"ann,Ann,,{'9' * 81}", "81 characters"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(line: str, reason: str) -> None:
    parsed = roster.read(f"login,name,role,student_id\nfirst,First,,\n{line}\nlast,Last,,\n")
    assert [row.login for row in parsed.rows] == ["first", "last"]
    (rejected,) = parsed.rejected
    assert rejected.line == 3
    assert reason in rejected.reason


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    parsed = roster.read('login,name,note\nann,Ann,"one\ntwo"\n!,Bad,\n')
    assert [row.line for row in parsed.rejected] == [4]


@pytest.mark.parametrize("text", ["", "\n", "a,b\n1,2\n", "login\nann\n", "login,name\n" + "x" * 200_000])
def test_what_is_no_roster_says_what_one_looks_like(text: str) -> None:
    assert roster.read(text).unreadable


@given(st.text(alphabet='ab,;"\n\r\t\0= é', max_size=60), st.sampled_from(["", "login,name\n", CANVAS, GRADESCOPE]))
def test_no_text_breaks_the_reader(text: str, before: str) -> None:
    parsed = roster.read(before + text)
    assert all(row.login and row.name for row in parsed.rows)


def test_importing_again_changes_nothing_and_makes_no_token(database: Database) -> None:
    text = "login,name,student_id\nida,Ida,I1\nivo,Ivo,\n"
    with database.write() as session:
        assert all(row.token for row in importing.import_roster(session, text, actor="test"))
        entries = len(session.scalars(select(AuditEntry)).all())
    with database.write() as session:
        assert {row.action for row in RosterPreview.of(importing.plan_roster(session, text)).rows} == {"keep"}
        assert not any(row.token for row in importing.import_roster(session, text, actor="test"))
        assert len(session.scalars(select(AuditEntry)).all()) == entries


def test_a_preview_tells_each_row_and_stores_nothing(database: Database) -> None:
    with database.write() as session:
        importing.import_roster(session, "login,name,role,student_id\nola,Ola,,O1\npam,Pam,ta,\n", actor="test")
    text = "login,name,role,student_id\nola,Ola N.,,\npam,Pam,student,\nquy,Quy,,\n!,x,,\n"
    with database.read() as session:
        plan = RosterPreview.of(importing.plan_roster(session, text))
    assert [(row.login, row.action, row.student_id) for row in plan.rows] == [
        ("ola", "update", "O1"),
        ("quy", "add", None),
    ]
    assert [(row.line, row.reason.split(" ")[0]) for row in plan.rejected] == [(3, "pam"), (5, "'!'")]
    with database.write() as session, pytest.raises(importing.RosterError) as refused:
        importing.import_roster(session, text, actor="test")
    assert [error["line"] for error in refused.value.members["errors"]] == [3, 5]
    with database.read() as session:
        assert session.scalar(select(User).where(User.login == "quy")) is None


def test_another_systems_login_is_matched_by_the_student_number(database: Database) -> None:
    with database.write() as session:
        importing.import_roster(session, "login,name,student_id\nrae,Rae,R1\nsam,Sam,R2\nsue,Sue,R2\n", actor="test")
        (row,) = importing.import_roster(
            session, "Name,Email,SID,Role\nRae Q,rae@x.example,R1,Instructor\n", actor="test"
        )
        assert (row.login, row.name, row.role, row.token) == ("rae", "Rae Q", Role.STUDENT, None)
        (twice,) = importing.import_roster(session, "Name,Email,SID\nSam,sam@x.example,R2\n", actor="test")
        assert twice.token, "a number of two people names neither"


def test_a_long_list_of_faults_is_cut_in_the_sentence_alone() -> None:
    error = importing.RosterError.of([roster.Rejected(line, "no") for line in range(2, 100)])
    assert error.detail.endswith("and 78 more.")
    assert len(error.members["errors"]) == 98


def test_a_login_in_other_letters_is_the_same_persons(database: Database) -> None:
    with database.write() as session:
        importing.import_roster(session, "login,name\numa,Uma\n", actor="test")
        (row,) = importing.import_roster(session, "login,name\nUMA,Uma Q\n", actor="test")
        assert (row.login, row.name, row.token) == ("uma", "Uma Q", None)
        edit = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.edit")).all()[-1]
        assert (edit.subject, edit.detail) == ("uma", {"name": "Uma Q"})
    (twice,) = roster.read("login,name\nxia,Xia\nXIA,Xia\n").rejected
    assert twice.reason == "XIA appears twice, first on line 2"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04\x14\0", "an Excel workbook (.xlsx)"),
        ("login,name\n".encode("utf-16"), "a file in UTF-16"),
        ("login,name\nann,Zo\xeb\n".encode("latin-1"), "not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_text_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(importing.RosterError) as refused:
        importing.roster_text(data)
    assert refused.value.detail == f"The roster is {kind}. Save it as CSV in UTF-8."
