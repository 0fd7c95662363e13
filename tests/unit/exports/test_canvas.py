"""Filling one column of a Canvas gradebook export."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exports import canvas, canvas_file
from app.exports.canvas import Preview, StudentScore
from app.exports.canvas_file import Field, GradebookError, records

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,HW13 (77),HW12 (76),Final Score"
STUDENTS = [StudentScore("ann", "B01", 3.75), StudentScore("bob", "B02", 2.0), StudentScore("cy", None, None)]


def fill(data: bytes, students: Sequence[StudentScore], wanted: Sequence[str]) -> tuple[bytes, Preview]:
    return canvas.fill(data, students, wanted, 4.0)


def _file(*rows: str, end: str = "\r\n") -> bytes:
    return b"\xef\xbb\xbf" + end.join([HEADER, *rows, ""]).encode()


def test_one_column_is_filled_and_the_rest_stays() -> None:
    data = _file(
        "    Points Possible,,,,,4,4,(read only)",
        '"Ann, A.",1,B01,ann,"=1+1","1.00",3,9',
        "Bob,2,B02,,S,EX,,",
        "Cy,3,,cy,S,,,",
        "Dee,4,,dee,S,1,,",
    )
    filled, preview = fill(data, STUDENTS, ["HW13"])
    assert filled == data.replace(b'"1.00"', b'"3.75"')
    assert [(item.student, item.old, item.new) for item in preview.differences] == [("ann", "1.00", "3.75")]
    assert [(item.student, item.cell) for item in preview.untouched] == [("bob", "EX")]
    assert preview.not_found == [6]
    assert preview.missing == []


def test_semicolons_and_a_column_by_its_id() -> None:
    data = _file("Ann, A;1;B01;ann;S;;3;9").replace(HEADER.encode(), HEADER.replace(",", ";").encode())
    filled, _ = fill(data, STUDENTS, ["76"])
    assert filled == data.replace(b";;3;9", b";;3.75;9")


def test_a_student_twice_is_left_alone() -> None:
    data = _file("Ann,1,B01,ann,S,,,", "Ann,2,B01,,S,,,")
    filled, preview = fill(data, STUDENTS, ["HW13"])
    assert filled == data
    assert preview.ambiguous == [2, 3]


def test_a_login_that_reads_like_a_student_number_is_not_taken_for_one() -> None:
    students = [StudentScore("1001", "2002", 1.0), StudentScore("2002", "1001", 3.0)]
    data = _file("One,2002,2002,1001,S,,,", "Two,1001,,2002,S,,,")
    filled, _ = fill(data, students, ["HW13"])
    assert filled == data.replace(b"1001,S,,", b"1001,S,1.00,").replace(b"2002,S,,", b"2002,S,3.00,")


def test_a_row_whose_keys_name_two_people_is_left_alone() -> None:
    data = _file("Ann,1,B02,ann,S,,,")
    filled, preview = fill(data, STUDENTS, ["HW13"])
    assert (filled, preview.ambiguous) == (data, [2])
    assert preview.differences == []


def test_canvas_own_number_counts_only_where_there_is_nothing_else() -> None:
    with_keys = _file("Eve,B01,,eve,S,,,")
    assert fill(with_keys, STUDENTS, ["HW13"])[1].not_found == [2]
    login_alone = b"Student,ID,SIS Login ID,HW13 (77)\nEve,B01,eve,\n"
    assert fill(login_alone, STUDENTS, ["HW13"])[1].not_found == [2]
    without = b"Student,ID,Section,HW13 (77)\nAnn,B01,S,\nBob,bob,S,\n"
    assert fill(without, STUDENTS, ["HW13"])[0] == b"Student,ID,Section,HW13 (77)\nAnn,B01,S,3.75\nBob,bob,S,2.00\n"


def test_an_unknown_column_lists_those_there_are() -> None:
    with pytest.raises(GradebookError, match="No column") as error:
        fill(_file(), STUDENTS, ["Final Score"])
    assert error.value.columns == ["HW13 (77)", "HW12 (76)"]


def test_a_broken_quote_is_refused() -> None:
    with pytest.raises(GradebookError, match="Row 2"):
        fill(_file('"Ann,1'), STUDENTS, ["HW13"])


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (HEADER.replace(",", "\t").encode() + b"\nAnn\t1\t\tann\t\t\t\t\n", "is a tab-separated file"),
        (HEADER.replace("HW13", "HW13, part 1").replace("ID,", "ID\t").encode(), "is a tab-separated file"),
        (b"PK\x03\x04\x14\0\6\0,;" + b"x" * 40_000, r"is an Excel workbook \(\.xlsx\)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40_000, r"is an Excel workbook \(\.xls\)"),
        (HEADER.encode("utf-16"), "is a file in UTF-16"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"the grades of homework thirteen", "begins with the line 'the grades of homework thirteen'"),
        (b'"Student', "begins with the line"),
        (b"Name,Points\nAnn,3\n", "begins with the line 'Name,Points'"),
    ],
    ids=["tabs", "tabs-and-a-comma", "xlsx", "xls", "utf-16", "empty", "mark-alone", "words", "quote", "other-table"],
)
def test_what_is_no_export_is_named(data: bytes, seen: str) -> None:
    with pytest.raises(GradebookError, match=f"^The file {seen}.*Canvas exports it.*send that file unchanged"):
        fill(data, STUDENTS, ["HW13"])


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "line",
    [b"a" * 60, b"a" * canvas_file.BYTE_LIMIT, b'"a"' * 2_000_000, b'"' + b"a" * 8_000_000, b'""' * 4_000_000],
    ids=["short", "plain", "quoted", "unclosed", "empty-quotes"],
)
def test_a_first_line_without_a_separator_is_refused_at_once(line: bytes) -> None:
    with pytest.raises(GradebookError, match="begins with the line"):
        records(line)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "cell",
    [b'"' + b'""' * 4_000_000, b'"' + b"a" * 8_000_000, b'"' + b'a""' * 2_600_000, b"a" * 8_000_000 + b'"'],
    ids=["doubled-quotes", "unclosed", "mixed", "quote-at-end"],
)
def test_a_cell_of_the_largest_size_is_refused_at_once(cell: bytes) -> None:
    with pytest.raises(GradebookError, match="Row 2"):
        records(HEADER.encode() + b"\n" + cell)


@pytest.mark.thorough
@pytest.mark.timeout(60)
def test_missing_students_are_looked_up_and_not_searched_for() -> None:
    students = [StudentScore(f"login{number}", None, 1.0) for number in range(60_000)]
    data = _file(*(f"Dee,{number},,dee{number},S,1,," for number in range(60_000)))
    assert fill(data, students, ["HW13"])[1].missing == [person.login for person in students]


def test_too_many_cells_and_bytes_are_refused() -> None:
    with pytest.raises(GradebookError, match="more than 1,000,000 cells"):
        records(_file("," * 1_000_000))
    with pytest.raises(GradebookError, match="8,388,609 bytes"):
        records(_file().ljust(canvas_file.BYTE_LIMIT + 1))


@given(
    st.lists(st.lists(st.text(alphabet='ab,;"\n\r=é ', max_size=6), min_size=3, max_size=3), max_size=6),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\r\n", "\n"]),
    st.booleans(),
)
def test_every_byte_outside_the_column_is_kept(cells: list[list[str]], separator: str, end: str, bom: bool) -> None:
    lines = [HEADER.replace(",", separator)]
    for first, section, last in cells:
        texts = [first, "1", "", "ann" if first == "a" else "bob", section, "0", last, ""]
        lines.append(separator.join('"' + text.replace('"', '""') + '"' for text in texts))
    data = (b"\xef\xbb\xbf" if bom else b"") + end.join([*lines, ""]).encode()
    filled, _ = fill(data, STUDENTS, ["HW13"])
    before, after = records(data), records(filled)
    assert _outside(data, before) == _outside(filled, after)


def _outside(data: bytes, rows: list[list[Field]]) -> bytes:
    pieces, start = [], 0
    for cell in (row[5] for row in rows if len(row) > 5):
        pieces.append(data[start : cell.start])
        start = cell.end
    return b"|".join([*pieces, data[start:]])
