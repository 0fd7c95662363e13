"""The pages of courses: silent while there is one, then lists by course, and what who may change."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.http.authentication import optional_viewer
from app.presenting import language
from app.scores.class_cache import ClassCache
from app.users import enrolments
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled
from tests.unit.pages.conftest import Course

ML27 = "ml27"
SLUG = f"{ML27}.hw13"


def become(course: Course, login: str, of: str | None = None) -> None:
    """Look at the pages as this person, within a course as `course_of_request` does it."""
    with course.database.read() as session:
        viewer = Viewer.of(users.find(session, login))
    viewer = access.within(viewer, of) if of else viewer
    course.app.dependency_overrides[optional_viewer] = lambda: viewer


def add_course(course: Course) -> None:
    """A second course with an assignment, an instructor, and Ann, who is a student in both."""
    course.enrol(2, 1)
    with course.database.write() as session:
        courses.create(session, ML27, "Machine <b>learning", actor="mia", term="Spring 2027")
        assignments.publish(session, bundled("hw13"), ML27)
        users.create_user(session, login="ida", name="Ida", role=Role.INSTRUCTOR, actor="mia", course=ML27)
        ann = users.create_user(session, login="ann", name="Ann", role=Role.STUDENT, actor="mia")
        enrolments.add(session, ann, ML27, Role.STUDENT, "A", actor="mia")


PAGES = (
    "/", "/?assignment=hw13", "/dashboard/hw13", "/dashboard/hw13/students/s00000", "/dashboard/hw13/exports",
    "/dashboard/hw13/extensions", "/dashboard/hw13/review", "/dashboard/hw13/release", "/dashboard/hw13/requests",
    "/dashboard/hw13/plots", "/dashboard/hw13/similarity", "/admin/people", "/admin/people/s00000",
    "/admin/assignments", "/admin/assignments/hw13", "/admin/new-assignment", "/admin/regrades", "/admin/audit",
)  # fmt: skip
OF_COURSES = ("course", "courses", "course_add", "enrol_elsewhere", "enrolments", "course_home", "role_by_course")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_mentions_courses_while_there_is_one(open_course: Course, path: str) -> None:
    """Words that stand for themselves: `your course staff` is no name of a course."""
    page = open_course.get(path)
    assert page.status_code == 200
    words = {re.sub(r"\s+", " ", text).strip() for text in re.findall(r">([^<>]+)<", page.text)}
    assert not words & {language.text("en", key) for key in OF_COURSES}
    assert "/courses" not in page.text
    assert "Main course" not in page.text
    assert 'name="course"' not in page.text


def test_one_link_of_the_admins_leads_to_a_second_course(course: Course) -> None:
    assert course.get("/admin").text.count("/courses") == 1
    page = course.get("/admin/courses").text
    assert "Main course" in page
    wish = {"slug": "ML 27", "title": "Machine learning", "term": "", "time_zone": "Mars/Base"}
    refused = course.send("POST", "/admin/courses", data=wish)
    assert refused.status_code == 422
    assert "Fields to correct: 2." in refused.text
    assert 'value="ML 27"' in refused.text
    assert 'id="wrong-time_zone"' in refused.text
    wish |= {"slug": ML27, "time_zone": "Asia/Taipei", "language": "zh-Hant"}
    made = course.send("POST", "/admin/courses", data=wish)
    assert (made.status_code, made.headers["location"]) == (303, "/courses/ml27")
    taken = course.send("POST", "/admin/courses", data=wish)
    assert taken.status_code == 409
    assert "with this short name already" in taken.text
    assert "/courses/main" in course.get("/admin").text


@pytest.fixture(scope="module")
def open_course(open_courses: Callable[[], Course]) -> Course:
    """A course with two students that the tests of the silence share."""
    made = open_courses()
    made.enrol(2, 1)
    return made


def test_lists_are_grouped_for_who_has_several_courses(course: Course) -> None:
    add_course(course)
    become(course, "ann")
    page = course.get("/").text
    assert page.index("Main course") < page.index("Machine &lt;b&gt;learning")
    assert f'<a href="/?assignment={SLUG}"' in page
    become(course, "s00000")
    assert "/courses" not in course.get("/").text
    course.app.dependency_overrides[optional_viewer] = lambda: course.viewer
    page = course.get("/dashboard/hw13").text
    assert re.search(rf'href="/courses/{ML27}"><strong>Machine &lt;b&gt;learning · Spring 2027</strong>', page)
    assert f'<a href="/dashboard/{SLUG}">hw13</a>' in page


def test_an_archived_course_is_folded_and_comes_last(course: Course) -> None:
    add_course(course)
    assert course.send("POST", "/courses/main/archive").status_code == 303
    become(course, "ann")
    page = course.get("/").text
    assert page.index("Machine &lt;b&gt;learning") < page.index('<details class="course"><summary>Main course')
    assert "/dashboard" not in page
    course.app.dependency_overrides[optional_viewer] = lambda: course.viewer
    settings = course.get("/courses/main/settings").text
    assert 'name="title"' not in settings
    assert 'action="/courses/main/restore"' in settings
    assert course.send("POST", "/courses/main/settings", data={"title": "X", "time_zone": "UTC"}).status_code == 409
    assert course.send("POST", "/courses/main/restore").status_code == 303
    assert 'name="title"' in course.get("/courses/main/settings").text


def test_a_course_is_copied_with_its_assignments_and_a_wrong_field_keeps_the_others(course: Course) -> None:
    wish = {"slug": "nc28", "title": "Compression", "term": "Spring 2028", "time_zone": "UTC", "language": ""}
    wrong = course.send("POST", "/courses/main/copy", data={**wish, "shift_days": "soon"})
    assert wrong.status_code == 422
    assert "Write a whole number of days" in wrong.text
    assert 'value="Spring 2028"' in wrong.text
    assert course.send("POST", "/courses/main/copy", data=wish).headers["location"] == "/courses/nc28"
    assert "/?assignment=nc28.hw13" in course.get("/courses/nc28").text
    assert course.send("POST", "/courses/main/copy", data=wish).status_code == 409


def test_a_course_is_deleted_once_it_is_archived_and_named(course: Course) -> None:
    add_course(course)
    page, written = f"/courses/{ML27}/delete", {"confirmation": ML27}
    assert "Archive it, and wait" in course.get(page).text
    assert course.send("POST", page, data=written).status_code == 409
    assert course.send("POST", f"/courses/{ML27}/archive").status_code == 303
    assert course.send("POST", page, data={"confirmation": "main"}).status_code == 422
    assert course.get(f"/courses/{ML27}").status_code == 200
    assert course.send("POST", page, data=written).headers["location"] == "/admin/courses"
    assert course.get(f"/courses/{ML27}").status_code == 404
    assert course.send("POST", "/courses/main/archive").status_code == 303
    assert course.send("POST", "/courses/main/delete", data={"confirmation": "main"}).status_code == 409


def test_the_settings_are_the_instructors_and_nobody_overwrites_another(course: Course) -> None:
    add_course(course)
    become(course, "ida", ML27)
    page = course.get(f"/courses/{ML27}/settings").text
    assert "archive" not in page, "an admin decides on the whole course"
    basis = re.search(r'name="basis" value="(\w+)"', page)
    assert basis is not None
    wish = {"title": "Deep learning", "term": "Fall 2027", "time_zone": "Asia/Taipei", "basis": basis[1]}
    assert course.send("POST", f"/courses/{ML27}/settings", data=wish).status_code == 303
    page = course.get(f"/courses/{ML27}").text
    assert "Deep learning" in page
    late = course.send("POST", f"/courses/{ML27}/settings", data={**wish, "title": "Mine <i>"})
    assert late.status_code == 412
    assert 'value="Mine &lt;i&gt;"' in late.text
    become(course, "ann", ML27)
    assert course.get(f"/courses/{ML27}/settings").status_code == 403
    assert course.get(f"/courses/{ML27}/people").status_code == 403
    assert "hw13" in course.get(f"/courses/{ML27}").text


def test_an_instructor_drops_a_student_and_enrols_them_again(course: Course) -> None:
    add_course(course)
    become(course, "ida", ML27)
    people = course.get(f"/courses/{ML27}/people").text
    assert "ann" in people
    assert "s00000" not in people
    assert "/admin/people" not in people
    assert "An admin of this site adds people" in people
    assert "No person matches" in course.get(f"/courses/{ML27}/people?q=zoe").text
    address = f"/courses/{ML27}/people/ann"

    def basis() -> str:
        (stamp, *_) = re.findall(r'name="basis" value="(\w+)"', course.get(address).text)
        return str(stamp)

    first = basis()
    edit = {"edit": "1", "role": "ta", "section": "B", "basis": first}
    assert course.send("POST", address, data=edit).status_code == 303
    assert course.send("POST", address, data=edit | {"role": "instructor", "basis": ""}).status_code == 403
    assert "changed this enrolment" in course.send("POST", address, data=edit).text
    assert course.send("POST", address, data={"dropped": "yes", "basis": basis()}).status_code == 303
    assert "<strong>dropped</strong> · teaching assistant" in course.get(f"/courses/{ML27}/people?section=B").text
    with course.database.read() as session:
        ann = Viewer.of(users.find(session, "ann"))
    assert (access.role_in(ann, ML27), access.role_in(ann, "main")) == (None, Role.STUDENT)
    assert course.send("POST", address, data={"dropped": "no", "basis": basis()}).status_code == 303
    own = course.get(f"/courses/{ML27}/people/ida").text
    assert 'name="role"' not in own
    assert 'name="dropped"' not in own


def test_a_ta_changes_nobody_and_no_settings(course: Course) -> None:
    add_course(course)
    with course.database.write() as session:
        users.create_user(session, login="tia", name="Tia", role=Role.TA, actor="mia", course=ML27)
    become(course, "tia", ML27)
    assert 'name="section"' not in course.get(f"/courses/{ML27}/people/ann").text
    for path in ("people/ann", "settings"):
        form = {"dropped": "yes", "title": "Mine", "time_zone": "UTC"}
        assert course.send("POST", f"/courses/{ML27}/{path}", data=form).status_code == 403
    assert course.get(f"/courses/{ML27}/settings").status_code == 403


def test_the_points_of_who_dropped_are_in_no_chart_and_stay_in_the_table(course: Course) -> None:
    course.enrol(3, 1)

    def classes() -> tuple[int, int]:
        with course.database.read() as session:
            snapshot = ClassCache().snapshot(session, "hw13")
        return len(snapshot.graded), len(snapshot.standings)

    assert classes() == (3, 3)
    with course.database.write() as session:
        enrolments.drop(session, [users.find(session, "s00001")], "main", actor="mia")
    assert classes() == (2, 3)


def test_an_account_is_enrolled_in_one_more_course(course: Course) -> None:
    add_course(course)
    page = course.get("/admin/people/s00000").text
    assert f'<option value="{ML27}">Machine &lt;b&gt;learning · Spring 2027</option>' in page
    form = {"course": ML27, "role": "ta", "section": ""}
    assert course.send("POST", "/admin/people/s00000/enrolments", data=form).status_code == 303
    with course.database.read() as session:
        viewer = Viewer.of(users.find(session, "s00000"))
    assert viewer.roles == {"main": Role.STUDENT, ML27: Role.TA}
    assert course.send("POST", "/admin/people/s00000/enrolments", data=form).status_code == 409
    assert course.send("POST", "/admin/people/s00000/enrolments", data=form | {"course": "x"}).status_code == 404
    assert course.send("POST", "/admin/people/mia/enrolments", data=form).status_code == 409
    assert "in the course already" in course.send("POST", "/admin/people/ann/enrolments", data=form).text
    roster = {"roster": "login,name\nann,Ann\ns00001,Student 1\nnew,New\n", "course": ML27}
    page = course.send("POST", "/admin/people/import", data=roster).text
    assert "Existing accounts to enrol: 1." in page
    assert 'name="course" value="ml27"' in page
    assert "new,New,assay_" in course.send("POST", "/admin/people/import", data=roster | {"confirmed": "1"}).text
    assert "s00001" in course.get(f"/courses/{ML27}/people").text
