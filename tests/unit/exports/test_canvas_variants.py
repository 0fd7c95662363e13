"""Gradebooks as Canvas's exporter, its options and a spreadsheet write them, before and after.

A cell that changes is written `«old→new»`: the rest of the file must stay, byte for byte.
"""

from __future__ import annotations

import re

import pytest

from app.exports import canvas
from app.exports.canvas import StudentScore
from app.exports.canvas_file import GradebookError
from app.users import roster

STUDENTS = [
    StudentScore("ann", "B01", 3.75),
    StudentScore("bob", "b02", 2.0, is_provisional=True),
    StudentScore("Cy.Wu@uni.example", None, 0.0),
    StudentScore("dee", "B04", None),
    StudentScore("eli", "B05", None, is_unfinished=True),
    StudentScore("fay", "B06", 4.0),
]
BOM = "\ufeff"
HEAD = "Student,ID,SIS User ID,SIS Login ID,Section,HW13 (77),HW12 (76),Final Score\n"
POINTS = "    Points Possible,,,,,4.00,10.00,(read only)\n"
SPLIT = "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,HW13 (77)\n"

VARIANTS = {
    "plain": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n",
    "windows-lines": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n".replace("\n", "\r\n"),
    "old-mac-lines": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n".replace("\n", "\r"),
    "byte-order-mark": f"{BOM}{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n",
    "no-last-newline": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9",
    "semicolons": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n".replace(",", ";"),
    "semicolons-and-decimal-commas": (
        HEAD.replace(",", ";")
        + "    Points Possible;;;;;4,00;10,00;(read only)\n"
        + "Ann;1;B01;ann;S;3,75;3,00;9,1\nBob;2;b02;bob;S;«1,50→2.00»;;\n"
    ),
    "every-cell-quoted": '"Student","ID","SIS Login ID","Section","HW13 (77)"\n"Ann, A.","1","ann","S","«→3.75»"\n',
    "quotes-and-lines-in-names": f'{HEAD}{POINTS}"Ann ""A"" \n Lin",1,B01,ann,S,«1→3.75»,,\n',
    "split-names": f"{SPLIT}    Points Possible,,,,,,4.00\nLin,Ann,1,B01,ann,S,«→3.75»\n",
    "split-names-with-posting-row": (
        f"{SPLIT},,,,,,Manual Posting\n    Points Possible,,,,,,4\n,Ann,1,B01,ann,S,«→3.75»\n"
    ),
    "split-names-without-numbers": (
        "LastName,FirstName,ID,SIS Login ID,Section,HW13 (77)\n    Points Possible,,,,,4\nLin,Ann,1,ann,S,«→3.75»\n"
    ),
    "manual-posting": f"{HEAD},,,,,Manual Posting,,\n{POINTS}Ann,1,B01,ann,S,«→3.75»,3.00,9\n",
    "posting-hidden-from-instructors": (
        f"{HEAD},,,,,Manual Posting (scores hidden from instructors),,\n{POINTS}Ann,1,B01,ann,S,«→3.75»,,\n"
    ),
    "muted-row-of-old-versions": f"{HEAD},,,,,Muted,,\n{POINTS}Ann,1,B01,ann,S,«→3.75»,,\n",
    "no-points-row": f"{HEAD}Ann,1,B01,ann,S,«→3.75»,3.00,9\n",
    "no-points-in-the-column": f"{HEAD}    Points Possible,,,,,,10,(read only)\nAnn,1,B01,ann,S,«→3.75»,,\n",
    "login-alone": "Student,ID,SIS Login ID,Section,HW13 (77)\nAnn,1,ann,S,«→3.75»\n",
    "integration-id-and-root-account": (
        "Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section,HW13 (77)\n"
        "    Points Possible,,,,,,,4.00\nAnn,1,B01,ann,i-1,uni.example,S,«→3.75»\n"
    ),
    "own-columns": (
        "Student,ID,SIS Login ID,Section,Notes,Team,HW13 (77)\n    Points Possible,,,,,(read only),4.00\n"
        'Ann,1,ann,S,"=HYPERLINK(""x"")",red,«→3.75»\n'
    ),
    "upper-case-login": f"{HEAD}{POINTS}Ann,1,,ANN,S,«→3.75»,,\nCy,3,,cy.wu@UNI.example,S,«→0.00»,,\n",
    "lower-case-number": f"{HEAD}{POINTS}Ann,1,b01,,S,«→3.75»,,\nBob,2,B02,,S,«→2.00»,,\n",
    "spaces-around-login": f"{HEAD}{POINTS}Ann,1,B01, ann ,S,«→3.75»,,\n",
    "sections-as-sentence": f'{HEAD}{POINTS}Ann,1,B01,ann,"S1, S2, and S3",«→3.75»,,\n',
    "equal-numbers": (
        f"{HEAD}{POINTS}Ann,1,B01,ann,S,3.750,,\nBob,2,b02,bob,S,2,,\n"
        'Cy,3,,Cy.Wu@uni.example,S,0.0,,\nFay,6,B06,fay,S,"4,00",,\n'
    ),
    "almost-equal-number": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«3.74→3.75»,,\nBob,2,b02,bob,S,2.004,,\n",
    "excused-and-not-assigned": (
        f"{HEAD}{POINTS}Ann,1,B01,ann,S,EX,,\nBob,2,b02,bob,S,N/A,,\nFay,6,B06,fay,S,«ex.→4.00»,,\n"
    ),
    "hyphen-for-no-score": f"{HEAD}{POINTS}Ann,1,B01,ann,S,«-→3.75»,,\n",
    "formula-name": f'{HEAD}{POINTS}"=""=1+1""",1,B01,ann,S,«→3.75»,,\n',
    "test-student-at-the-end": f'{HEAD}{POINTS}Ann,1,B01,ann,S,«→3.75»,,\n"Student, Test",9,,8d7f,S,1,,\n',
    "nothing-submitted": f"{HEAD}{POINTS}Dee,4,B04,dee,S,1.00,,\nEli,5,B05,eli,S,,,\n",
    "chinese-and-emoji": f"{HEAD}{POINTS}陳小明,1,B01,ann,甲班,«→3.75»,,\n🙂,2,b02,bob,S,«→2.00»,,\n",
    "blank-lines": f"{HEAD}{POINTS}\nAnn,1,B01,ann,S,«→3.75»,,\n,,,,,,,\n\n",
    "title-with-comma-and-brackets": (
        'Student,ID,SIS Login ID,Section,"HW 13, part (b) (78)",HW13 (77)\n    Points Possible,,,,9,4\n'
        "Ann,1,ann,S,1,«→3.75»\n"
    ),
    "column-in-other-letters": f"{HEAD.replace('HW13', 'hw13')}{POINTS}Ann,1,B01,ann,S,«→3.75»,,\n",
    "totals-of-groups": (
        "Student,ID,SIS Login ID,Section,HW13 (77),Homework Current Points,Final Score (2020)\n"
        "    Points Possible,,,,4.00,(read only),(read only)\nAnn,1,ann,S,«→3.75»,1,2\n"
    ),
}


def _before_and_after(text: str) -> tuple[bytes, bytes]:
    old = re.sub(r"«([^→]*)→[^»]*»", r"\1", text)
    new = re.sub(r"«[^→]*→([^»]*)»", r"\1", text)
    return old.encode(), new.encode()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_changes_in_the_column_alone(name: str) -> None:
    before, after = _before_and_after(VARIANTS[name])
    filled, preview = canvas.fill(before, STUDENTS, ["HW13"], 4.0)
    assert filled == after
    assert len(preview.differences) == VARIANTS[name].count("→")
    assert list(preview.names.values()) == (["Student, Test"] if name == "test-student-at-the-end" else [])
    assert canvas.fill(filled, STUDENTS, ["HW13"], 4.0)[0] == filled, "filling again changes nothing"


def test_there_are_thirty_variants() -> None:
    assert len(VARIANTS) >= 30


@pytest.mark.parametrize(("possible", "ann"), [("100", "93.75"), ("8,00", "7.50"), ("1.0", "0.94")])
def test_other_points_are_refused_or_scaled(possible: str, ann: str) -> None:
    points = f'    Points Possible,,,,,"{possible}",10,(read only)\n'
    before, after = _before_and_after(f"{HEAD}{points}Ann,1,B01,ann,S,«3.75→{ann}»,,\n")
    with pytest.raises(GradebookError, match=r"has \d+ points in Canvas, and the assignment has 4.*be scaled"):
        canvas.fill(before, STUDENTS, ["HW13"], 4.0)
    filled, preview = canvas.fill(before, STUDENTS, ["HW13"], 4.0, scale=True)
    assert filled == after
    assert preview.points_possible == 4 * preview.factor


def test_points_of_zero_cannot_be_scaled() -> None:
    data = f"{HEAD}    Points Possible,,,,,0,,\nAnn,1,B01,ann,S,,,\n".encode()
    with pytest.raises(GradebookError, match="has 0 points in Canvas") as refused:
        canvas.fill(data, STUDENTS, ["HW13"], 4.0, scale=True)
    assert "scaled" not in str(refused.value)


@pytest.mark.parametrize("note", ["(read only)", "(唯讀)"])
def test_a_column_that_canvas_does_not_import_is_refused(note: str) -> None:
    data = f"{HEAD}    Points Possible,,,,,{note},10,{note}\nAnn,1,B01,ann,S,,,\n".encode()
    with pytest.raises(GradebookError, match=re.escape(f"HW13 (77) is {note}")) as refused:
        canvas.fill(data, STUDENTS, ["HW13"], 4.0)
    assert refused.value.columns == ["HW12 (76)"]


def test_two_people_whose_logins_differ_in_case_are_told_apart_or_left_alone() -> None:
    students = [StudentScore("ann", None, 1.0), StudentScore("Ann", None, 2.0)]
    before, after = _before_and_after(f"{HEAD}A,1,,ann,S,«→1.00»,,\nB,2,,Ann,S,«→2.00»,,\n")
    assert canvas.fill(before, students, ["HW13"], 4.0)[0] == after
    unclear = f"{HEAD}A,1,,ANN,S,,,\n".encode()
    filled, preview = canvas.fill(unclear, students, ["HW13"], 4.0)
    assert (filled, preview.ambiguous, preview.names) == (unclear, [2], {2: "A"})


def test_the_preview_lists_who_is_provisional_unfinished_and_without_a_submission() -> None:
    rows = "".join(f"{person.login},1,,{person.login},S,,,\n" for person in STUDENTS[:5])
    preview = canvas.fill(f"{HEAD}{POINTS}{rows}Zoe,9,,zoe,S,,,\n".encode(), STUDENTS, ["HW13"], 4.0)[1]
    assert (preview.provisional, preview.unfinished, preview.without_submission) == (["bob"], ["eli"], ["dee"])
    assert (preview.missing, preview.not_found, preview.names) == (["fay"], [8], {8: "Zoe"})


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "cell", ["9" * 4_000_000 + "x", "Manual Posting" + " " * 4_000_000 + "\n.", " " * 4_000_000 + "\n."]
)
def test_a_cell_of_any_length_is_read_at_once(cell: str) -> None:
    data = f'{HEAD}{POINTS}"{cell}",,,,,,,\nAnn,1,B01,ann,S,"{cell}",,\n'.encode()
    assert canvas.fill(data, STUDENTS, ["HW13"], 4.0)[1].differences[0].new == "3.75"


def test_split_names_make_a_roster() -> None:
    text = f"{BOM}{SPLIT}    Points Possible,,,,,,4\nLin,Ann,1,B01,ann,S,\nStudent,Test,9,,8d7f,S,\nWu,,2,B02,bob,S,\n"
    parsed = roster.read(text)
    assert (parsed.format, parsed.rejected) == ("canvas", ())
    assert [(row.login, row.name, row.student_id) for row in parsed.rows] == [
        ("ann", "Lin, Ann", "B01"),
        ("bob", "Wu", "B02"),
    ]
