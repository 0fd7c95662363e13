"""The admin's pages of assignments: begun, edited, uploaded, published and discarded without a command."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.audit.models import AuditEntry
from app.auth.viewer import Viewer
from app.drafts import archive, service
from app.drafts.models import AssignmentDraft, TrialState
from app.http.authentication import optional_viewer
from app.queue.dbos_engine import DbosJobs
from app.users import service as users
from app.users.models import Role
from grader import assignment as definitions
from grader.assignment import Assignment
from tests.unit.pages.conftest import Course

HW13 = "/admin/assignments/hw13"
SETTINGS = {
    "title": "HW13: Network Compression",
    "title_zh": "作業十三：模型壓縮",
    "zone": "+08:00",
    "opens": "",
    "deadline": "2027-05-20T23:59:59",
    "grace_minutes": "0",
    "late_percent": "",
    "late_days": "",
    "attempts_per_day": "20",
    "keep": "best",
    "gradebook": "final",
    "tell": "",
    "hide_names": "no",
    "second_reading_percent": "0",
    **{f"points-{question.number}": f"{question.points:g}" for question in definitions.bundled("hw13").questions},
}


@pytest.fixture
def desk(course: Course) -> Iterator[Course]:
    """A course whose pages may put jobs on the queue."""
    course.app.state.jobs = DbosJobs(course.app.state.settings)
    yield course
    course.app.state.jobs.close()


def post(course: Course, path: str, **form: str) -> httpx.Response:
    return course.send("POST", path, data=form)


def revision(course: Course, path: str) -> str:
    found = re.search(r'name="revision" value="([^"]*)"', course.get(path).text)
    assert found is not None
    return found[1]


def save(course: Course, **changed: str) -> httpx.Response:
    form = {**SETTINGS, "revision": revision(course, f"{HW13}/settings"), **changed}
    return post(course, f"{HW13}/settings", **form)


def upload(course: Course, data: bytes, **form: str) -> httpx.Response:
    files = {"file": ("course.zip", data, "application/zip")}
    return course.send("POST", "/admin/upload-assignment", data=form, files=files)


def zipped(slug: str, old: str = "", new: str = "") -> bytes:
    texts = dict(definitions.bundled(slug).files)
    assert old in texts["assignment.toml"]
    return archive.write({**texts, "assignment.toml": texts["assignment.toml"].replace(old, new, 1)}, "course")


def current(course: Course, slug: str = "hw13") -> Assignment:
    with course.database.read() as session:
        return assignments.current_definition(session, slug)


def rows(course: Course) -> int:
    with course.database.read() as session:
        return len(session.scalars(select(PublishedAssignment.id)).all())


def diff_lines(page: str) -> list[str]:
    return re.findall(r'<span class="(?:added|removed)">(.*)\n', page)


def test_a_deadline_is_set_without_a_command(desk: Course) -> None:
    assert save(desk, late_percent="10", late_days="3").headers["location"] == f"{HW13}/draft"
    assert current(desk).schedule.deadline is None, "a draft is no version"
    page = desk.get(f"{HW13}/draft").text
    assert diff_lines(page) == [
        "-version = 1",
        "+version = 2",
        "+deadline = 2027-05-20T23:59:59+08:00",
        "+late = {percent_per_day = 10, most_days = 3}",
    ]
    assert "No author&#39;s solutions need to be tried" in page
    assert "draft of version 2" in desk.get("/admin/assignments").text
    done = post(desk, f"{HW13}/draft/publish", revision=revision(desk, f"{HW13}/draft"))
    assert (done.status_code, done.headers["location"]) == (303, HW13)
    published = current(desk)
    assert published.version == 2
    assert published.schedule.late is not None
    assert "# UTC, ISO 8601; leave out" in published.files["assignment.toml"]
    assert "+deadline = 2027-05-20" in desk.get(HW13).text
    assert desk.get("/dashboard/hw13/review-items").status_code == 200
    assert 'href="/dashboard/hw13/review-items"' in desk.get(HW13).text
    with desk.database.read() as session:
        entries = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert entries[-2:] == [("assignment.draft", "mia"), ("assignment.publish", "mia")]


WRONG = [
    ({"title": " "}, "title", "Write a title."),
    ({"title": "x" * 201}, "title", "at most 200 characters"),
    ({"zone": "Taipei"}, "zone", "+08:00 or -05:30"),
    ({"deadline": "tomorrow"}, "deadline", "Write a date and a time"),
    ({"opens": "2027-05-20T23:59:59"}, "opens", "at or after the deadline"),
    ({"deadline": "", "grace_minutes": "15"}, "grace_minutes", "needs a deadline"),
    ({"deadline": "", "late_percent": "10", "late_days": "2"}, "late_percent", "needs a deadline"),
    ({"deadline": "", "tell": "after the deadline"}, "tell", "needs a deadline"),
    ({"deadline": "", "tell-2.1": "after the deadline"}, "tell-2.1", "needs a deadline"),
    ({"grace_minutes": "-1"}, "grace_minutes", "0 to 20160"),
    ({"attempts_per_day": "1e3"}, "attempts_per_day", "1 to 1000"),
    ({"late_percent": "101", "late_days": "1"}, "late_percent", "0 to 100"),
    ({"late_percent": "5"}, "late_days", "1 to 365"),
    ({"keep": "worst"}, "keep", "Choose one"),
    ({"gradebook": "none"}, "gradebook", "Choose one"),
    ({"tell": "never"}, "tell", "Choose one"),
    ({"late_percent": "5", "late_days": "366"}, "late_days", "1 to 365"),
    ({"hide_names": "perhaps"}, "hide_names", "Choose one"),
    ({"second_reading_percent": "100.5"}, "second_reading_percent", "0 to 100"),
    ({"second_reading_percent": "a tenth"}, "second_reading_percent", "0 to 100"),
    ({"points-2.1": "-1"}, "points-2.1", "0 to 1000"),
    ({"points-2.1": "1001"}, "points-2.1", "0 to 1000"),
    ({"points-2.1": "nan"}, "points-2.1", "0 to 1000"),
]


@pytest.fixture(scope="module")
def form(open_courses: Callable[[], Course]) -> Course:
    """A course for forms that store nothing."""
    return open_courses()


@pytest.mark.parametrize(("changed", "field", "said"), WRONG)
def test_a_mistake_stands_at_its_field_and_nothing_is_lost(
    form: Course, changed: dict[str, str], field: str, said: str
) -> None:
    answer = save(form, **{"title_zh": "我的標題", **changed})
    assert answer.status_code == 422
    assert re.findall(r'id="wrong-([^"]+)"', answer.text) == [field]
    mistake = re.search(r'id="wrong-[^"]+">([^<]+)<', answer.text)
    assert mistake is not None
    assert said in mistake[1]
    control = re.search(rf'name="{re.escape(field)}"[^>]*aria-describedby="wrong-{re.escape(field)} help-', answer.text)
    assert control is not None
    assert 'value="我的標題"' in answer.text
    with form.database.read() as session:
        assert session.scalars(select(AssignmentDraft)).all() == []


def test_points_and_rules_of_review_are_set_in_the_form(desk: Course) -> None:
    rules = {"hide_names": "yes", "second_reading_percent": "12.5", "points-1.1": "2", "deadline": ""}
    assert save(desk, **rules).headers["location"] == f"{HW13}/draft"
    assert diff_lines(desk.get(f"{HW13}/draft").text) == [
        "-version = 1",
        "+version = 2",
        "-points = 0.5",
        "+points = 2",
        "+",
        "+[review]",
        "+hide_names = true",
        "+second_reading_percent = 12.5",
    ]
    post(desk, f"{HW13}/draft/publish", revision=revision(desk, f"{HW13}/draft"))
    published = current(desk)
    assert (published.review.hide_names, published.review.second_reading_percent) == (True, 12.5)
    assert published.question("1.1").points == 2
    page = desk.get(f"{HW13}/settings").text
    assert re.search(r'name="points-1.1" value="2"', page)
    # The option of a term may not exceed the question: the fault is named, and what was typed stays.
    refused = save(desk, **{**rules, "points-2.1": "0.1"})
    assert refused.status_code == 422
    assert "assignment.toml:" in refused.text
    assert re.search(r'name="points-2.1" value="0.1"', refused.text)


def test_nothing_that_another_admin_did_is_overwritten(desk: Course) -> None:
    seen = revision(desk, f"{HW13}/settings")
    save(desk, attempts_per_day="7")
    refused = save(desk, revision=seen, attempts_per_day="9", deadline="")
    assert refused.status_code == 412
    assert "Another admin saved or published something meanwhile" in refused.text
    assert 'value="9"' in refused.text
    assert "Now it is: 7" in refused.text
    assert "Now it is: 2027-05-20T23:59:59" in refused.text
    draft = f"{HW13}/draft"
    before = revision(desk, draft)
    files = dict(current(desk).files)
    files["assignment.toml"] = files["assignment.toml"].replace("version = 1\n", "version = 2\n")
    with desk.database.write() as session:
        assignments.publish_version(session, definitions.from_files(files), "the command line")
    assert post(desk, f"{draft}/publish", revision=before).status_code == 412
    assert post(desk, f"{draft}/discard", revision=before).status_code == 412
    page = desk.get(draft).text
    assert "Version 2 was published after this draft began" in page
    assert "Publish version" not in page
    assert post(desk, f"{draft}/renumber", revision=revision(desk, draft)).status_code == 303
    assert post(desk, f"{draft}/publish", revision=revision(desk, draft)).status_code == 303
    assert (current(desk).version, current(desk).schedule.attempts_per_day) == (3, 7)


def test_what_is_published_already_makes_no_draft(desk: Course) -> None:
    again = save(desk, deadline="")
    assert again.status_code == 422
    assert "what the published version says already" in again.text
    assert upload(desk, zipped("hw13"), slug="hw13", revision=revision(desk, HW13)).status_code == 422


def test_a_first_assignment_is_a_copy_of_one_that_comes_with_assay(desk: Course) -> None:
    assert "comes with Assay" in desk.get("/admin/new-assignment").text
    wrong = post(desk, "/admin/new-assignment", template="hw13", slug="HW 1", title="", title_zh="剪枝")
    assert wrong.status_code == 422
    assert re.findall(r'id="wrong-([^"]+)"', wrong.text) == ["slug", "title"]
    assert 'value="剪枝"' in wrong.text
    taken = post(desk, "/admin/new-assignment", template="hw13", slug="hw13", title="Again")
    assert "There is an assignment with this short name" in taken.text
    assert post(desk, "/admin/new-assignment", template="nothing", slug="x", title="X").status_code == 404
    made = post(desk, "/admin/new-assignment", template="hw13", slug="hw1-2027", title='My "first" one')
    assert made.headers["location"] == "/admin/assignments/hw1-2027/settings"
    assert "hw1-2027" in desk.get("/admin/assignments").text
    assert "hw1-2027" not in desk.get("/").text
    draft = "/admin/assignments/hw1-2027/draft"
    assert "The first version" in desk.get(draft).text
    assert post(desk, f"{draft}/publish", revision=revision(desk, draft)).status_code == 303
    made_one = current(desk, "hw1-2027")
    assert (made_one.version, made_one.title) == (1, {"en": 'My "first" one'})
    assert "My &#34;first&#34; one" in desk.get("/?assignment=hw1-2027").text


def test_every_fault_of_an_archive_is_named_with_file_line_and_suggestion(desk: Course) -> None:
    texts = dict(definitions.bundled("prune-quantize").files)
    texts["assignment.toml"] = texts["assignment.toml"].replace("attempts_per_day = 20", "attempts_per_dya = 20")
    refused = upload(desk, archive.write(texts, "x"))
    assert refused.status_code == 422
    assert "did you mean `attempts_per_day`?" in refused.text
    assert "<code>attempts_per_dya = 20</code>" in refused.text
    line = texts["assignment.toml"].splitlines().index("attempts_per_dya = 20") + 1
    assert f'<td class="number" data-label="Line">{line}</td>' in refused.text
    texts = dict(definitions.bundled("prune-quantize").files)
    name = "functions/k_means_quantize/reference.py"
    refused = upload(desk, archive.write({**texts, name: "x = 1\ndef <b>(:\n"}, "x"))
    assert f"<code>{name}</code>" in refused.text
    assert "<code>def &lt;b&gt;(:</code>" in refused.text
    for odd in (b"", b"PK nothing", archive.write({"other.toml": ""}, "x")):
        assert upload(desk, odd).status_code == 422
    wrong_one = upload(desk, zipped("prune-quantize"), slug="hw13", revision=revision(desk, HW13))
    assert "this archive is of prune-quantize, not of hw13" in wrong_one.text
    buffer = io.BytesIO(zipped("hw13", "version = 1", "version = 9"))
    with zipfile.ZipFile(buffer, "a") as out:
        out.writestr("../../evil.py", "x")
    assert "leads out of the folder" in upload(desk, buffer.getvalue()).text
    stored = rows(desk)
    assert stored == len(definitions.bundled_slugs()), "nothing of all this was stored"
    # Without the state that its page showed, an archive overwrites nothing.
    assert upload(desk, zipped("hw13", "parameter_limit = 100_000", "parameter_limit = 60_000")).status_code == 412


def test_an_uploaded_folder_becomes_the_next_version_and_its_changed_rubrics_are_tried(desk: Course) -> None:
    path = "/admin/assignments/prune-quantize"
    data = zipped("prune-quantize", "attempts_per_day = 20", "attempts_per_day = 5")
    assert (
        upload(desk, data, slug="prune-quantize", revision=revision(desk, path)).headers["location"] == f"{path}/draft"
    )
    assert diff_lines(desk.get(f"{path}/draft").text)[:2] == ["-version = 1", "+version = 2"]
    texts = dict(definitions.bundled("prune-quantize").files)
    del texts["functions/k_means_quantize/mistakes/evenly_spaced.py"]
    changed = archive.write(texts, "x")
    assert upload(desk, changed, slug="prune-quantize", revision=revision(desk, path)).status_code == 303
    page = desk.get(f"{path}/draft").text
    assert "are being tried in the sandbox" in page
    assert "Publish version" not in page
    refused = post(desk, f"{path}/draft/publish", revision=revision(desk, f"{path}/draft"))
    assert refused.status_code == 409
    with desk.database.write() as session:
        draft = service.standing(session, "prune-quantize").draft
        assert draft is not None
        numbers = service.questions_to_try(assignments.definition(draft.version), definitions.bundled("prune-quantize"))
        assert len(numbers) == 1, "only the question whose files changed"
        finding = {"file": "correct/<i>.py", "what": "is wrong", "is_error": True}
        draft.trial_state = TrialState.DONE
        draft.trial = [
            {"question": "1", "mistakes": 2, "correct": 1, "findings": [finding], "tolerance_used": {"a.py": 0.25}}
        ]
    page = desk.get(f"{path}/draft").text
    assert "2 known mistakes and 1 right variants" in page
    assert "at most 25% of the tolerance" in page
    assert "correct/&lt;i&gt;.py" in page
    assert post(desk, f"{path}/draft/publish", revision=revision(desk, f"{path}/draft")).status_code == 409
    assert post(desk, f"{path}/draft/try", revision=revision(desk, f"{path}/draft")).status_code == 409
    assert current(desk, "prune-quantize").version == 1
    assert post(desk, f"{path}/draft/again", revision=revision(desk, f"{path}/draft")).status_code == 303
    assert "are being tried in the sandbox" in desk.get(f"{path}/draft").text
    discarded = post(desk, f"{path}/draft/discard", revision=revision(desk, f"{path}/draft"))
    assert discarded.headers["location"] == path
    assert desk.get(f"{path}/draft").headers["location"] == path
    assert post(desk, f"{path}/draft/publish", revision="x").status_code == 404


def test_a_draft_is_tried_on_stored_submissions_before_it_is_published(desk: Course) -> None:
    desk.enrol(3, 1)
    save(desk, attempts_per_day="7")
    draft = f"{HW13}/draft"
    assert post(desk, f"{draft}/try", revision=revision(desk, draft), kind="rescore").status_code == 303
    page = desk.get(draft).text
    regrade = re.search(r"/admin/regrades/[0-9a-f-]{36}", page)
    assert regrade is not None
    assert "0 of 3 submissions" in page
    assert "This preview is by the draft of version 2" in desk.get(regrade[0]).text
    assert post(desk, f"{regrade[0]}/publish").status_code == 409
    # The draft's regrade is cancelled with it.
    post(desk, f"{draft}/discard", revision=revision(desk, draft))
    assert "cancelled" in desk.get(regrade[0]).text


def test_a_student_view_has_nothing_to_submit(desk: Course) -> None:
    save(desk, title="A new title", opens="2027-01-01T00:00", attempts_per_day="7")
    published, draft = desk.get(f"{HW13}/student").text, desk.get(f"{HW13}/student?draft=1").text
    assert "A new title" not in published
    assert "A new title" in draft
    assert "7 of 7 attempts left" in draft
    assert "Submissions are not open yet." in draft
    for page in (published, draft):
        main = page[page.index("<main") : page.index("</main>")]
        assert "<form" not in main
        assert "hx-" not in main
        assert "Student model architecture" in main
        assert "Logits divided" not in main
        fields = main[main.index("<fieldset disabled") :]
        assert main.count("<textarea") == fields.count("<textarea") > 0
        assert main.count("<input") == fields.count("<input")
    with desk.database.read() as session:
        assert session.scalars(select(AssignmentDraft.slug)).all() == ["hw13"]


def test_any_two_versions_are_compared_and_downloaded(desk: Course) -> None:
    for attempts in ("5", "6"):
        save(desk, attempts_per_day=attempts, deadline="")
        post(desk, f"{HW13}/draft/publish", revision=revision(desk, f"{HW13}/draft"))
    assert diff_lines(desk.get(HW13).text) == [
        "-version = 2",
        "+version = 3",
        "-attempts_per_day = 5",
        "+attempts_per_day = 6",
    ]
    assert "+attempts_per_day = 6" in diff_lines(desk.get(f"{HW13}?from=1&to=3").text)
    assert "have the same files" in desk.get(f"{HW13}?from=2&to=2").text
    assert desk.get(f"{HW13}?from=9").status_code == 404
    second = desk.get(f"{HW13}/files?version=2")
    assert archive.read(second.content).texts["assignment.toml"].count("attempts_per_day = 5") == 1
    assert "attachment" in second.headers["content-disposition"]


def test_only_admins_see_or_change_assignments(desk: Course) -> None:
    save(desk, attempts_per_day="7")
    with desk.database.write() as session:
        ta = Viewer.of(users.create_user(session, login="teo", name="Teo", role=Role.TA, actor="test"))
    desk.app.dependency_overrides[optional_viewer] = lambda: ta
    paths = ["", "/draft", "/draft/progress", "/settings", "/files", "/student", "/student?draft=1"]
    for path in ["/admin/assignments", "/admin/new-assignment", *(f"{HW13}{path}" for path in paths)]:
        assert desk.get(path).status_code == 403, path
    assert upload(desk, zipped("hw13")).status_code == 403
    steps = ("publish", "discard", "renumber", "again", "try")
    for path in [f"{HW13}/settings", "/admin/new-assignment", *(f"{HW13}/draft/{step}" for step in steps)]:
        assert post(desk, path, revision="").status_code == 403, path
