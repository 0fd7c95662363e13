"""Points leave the service in the formats of other systems."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

from tests.command_line import assay
from tests.integration.service import Site, assert_problem, variables

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,HW13 (77)\r\n"


def test_points_leave_in_every_format(service: Site, tmp_path: Path) -> None:
    student, ta = service.person(), service.person("ta")
    total = student.report(student.submit(answers='{"2.2":"softer"}'), wait=60)["score"]
    assert total > 0
    data = f'\ufeff{HEADER}"Ann, A.",1,,{student.login},S,\r\nNobody,2,,nobody,S,1\r\n'.encode()
    fields = {"assignment": "hw13", "column": "HW13"}
    filled = ta.post("/scores/canvas", data=fields, files={"file": ("grades.csv", data)})
    assert filled.status_code == 200, filled.text
    assert filled.content == data.replace(b",S,\r\n", f",S,{total:.2f}\r\n".encode())
    preview = ta.post("/scores/canvas?preview=1", data=fields, files={"file": ("grades.csv", data)}).json()
    assert preview["differences"] == [{"row": 2, "student": student.login, "old": "", "new": f"{total:.2f}"}]
    assert preview["not_found"] == [3]

    table = ta.get("/scores/gradescope.csv", params={"assignment": "hw13"})
    row = next(row for row in csv.DictReader(io.StringIO(table.text)) if row["Login"] == student.login)
    assert (float(row["Total Score"]), row["Status"]) == (total, "Graded")

    answer = ta.get("/scores/export.jsonl", params={"assignment": "hw13"})
    assert answer.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    (own,) = (line for line in lines if line["kind"] == "submission" and line["student"] == student.login)
    assert student.report(own["id"]).items() <= own.items()
    archive = zipfile.ZipFile(io.BytesIO(ta.get("/scores/feedback.zip", params={"assignment": "hw13"}).content))
    assert f"{total:g} / 4" in archive.read(f"{student.login}.html").decode()
    for route in ("export.jsonl", "feedback.zip"):
        assert_problem(ta.get(f"/scores/{route}", params={"assignment": "hw99"}), 404, "assignment-not-found")

    out = tmp_path / "hw13.jsonl"
    done = assay("export", "hw13", "--out", str(out), **variables(service.settings))
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == answer.content
    unknown = assay("export", "hw99", **variables(service.settings))
    assert (unknown.returncode, unknown.stdout) == (2, "")


def test_one_section_leaves_alone(service: Site, tmp_path: Path) -> None:
    student, other, ta = service.person(), service.person(), service.person("ta")
    for person, section in ((student, "B"), (other, "C")):
        path = f"/courses/main/enrolments/{person.login}"
        assert service.admin.http.patch(path, json={"section": section}).status_code == 200
    for kind in ("scores", "gradescope", "jsonl"):
        out = tmp_path / kind
        words = ("export", "hw13", "--as", kind, "--section", "B", "--out", str(out))
        done = assay(*words, **variables(service.settings))
        assert done.returncode == 0, done.stderr
        assert student.login in out.read_text()
        assert other.login not in out.read_text()
    wrong = assay("export", "hw13", "--section", "b", "--out", str(tmp_path / "b"), **variables(service.settings))
    assert (wrong.returncode, "The sections are B, C." in wrong.stderr) == (2, True)
    assert not (tmp_path / "b").exists()
    rows = f"Ann,1,,{student.login},B,1\r\nBen,2,,{other.login},C,1\r\n"
    for person in (student, other):
        person.report(person.submit(answers='{"2.2":"softer"}'), wait=60)
    words = ("export", "hw13", "--as", "feedback", "--section", "B", "--out", str(tmp_path / "pages"))
    assert assay(*words, **variables(service.settings)).returncode == 0
    assert zipfile.ZipFile(tmp_path / "pages").namelist() == [f"{student.login}.html"]
    fields = {"assignment": "hw13", "column": "HW13", "section": "B"}
    files = {"file": (HEADER + rows).encode()}
    preview = ta.post("/scores/canvas/preview", data=fields, files=files).json()
    assert [row["student"] for row in preview["differences"]] == [student.login]
    filled = ta.post("/scores/canvas", data=fields, files=files)
    assert f",{other.login},C,1\r\n".encode() in filled.content
    assert_problem(ta.post("/scores/canvas", data=fields | {"section": "D"}, files=files), 404, "section-not-found")


def test_unknown_canvas_column_is_refused_with_those_there_are(service: Site) -> None:
    ta = service.person("ta")
    fields = {"assignment": "hw13", "column": "HW99"}
    answer = ta.post("/scores/canvas", data=fields, files={"file": HEADER.encode()})
    assert assert_problem(answer, 422, "gradebook-unusable")["columns"] == ["HW13 (77)"]


def test_a_file_that_is_no_gradebook_is_refused_with_what_it_is(service: Site) -> None:
    ta = service.person("ta")
    data = HEADER.replace(",", "\t").encode() * 2
    answer = ta.post("/scores/canvas", data={"assignment": "hw13"}, files={"file": ("grades.tsv", data)})
    assert "tab-separated" in assert_problem(answer, 422, "gradebook-unusable")["detail"]


def test_students_get_no_table_of_the_class(service: Site) -> None:
    student = service.person()
    assert_problem(student.get("/scores/gradescope.csv", params={"assignment": "hw13"}), 403)
    answer = student.post("/scores/canvas", data={"assignment": "hw13"}, files={"file": HEADER.encode()})
    assert_problem(answer, 403)
