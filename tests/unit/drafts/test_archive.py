"""Uploaded archives: what may be in one, and that a hostile one costs little and leaves nothing behind."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from app.drafts import archive
from grader.assignment import ASSIGNMENTS, from_files, read_folder

TEXTS = read_folder(ASSIGNMENTS / "prune-quantize")


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return buffer.getvalue()


def faults(data: bytes) -> list[str]:
    unpacked = archive.read(data)
    assert unpacked.texts == {}
    return [str(fault) for fault in unpacked.faults]


def test_a_version_comes_back_as_it_was_written() -> None:
    data = archive.write(TEXTS, "prune-quantize")
    assert archive.read(data).texts == TEXTS
    assert from_files(archive.read(data).texts).digest == from_files(TEXTS).digest
    assert archive.write(dict(reversed(TEXTS.items())), "prune-quantize") == data


def test_what_systems_leave_behind_does_no_harm() -> None:
    files = {
        "course/assignment.toml": b"\xef\xbb\xbfversion = 1\r\nslug = 'x'\r",
        "course/functions/f/cases.py": b"",
        "course/notes.txt": b"\xff\xfe",
        "course/.git/config.toml": b"x",
        "__MACOSX/course/._assignment.toml": b"\0",
    }
    unpacked = archive.read(packed(files))
    assert unpacked.texts == {"assignment.toml": "version = 1\nslug = 'x'\n", "functions/f/cases.py": ""}
    assert (unpacked.unused, unpacked.faults) == (("notes.txt",), ())


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "..\\evil.py", "C:/evil.py"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    assert faults(packed({"assignment.toml": b"", name: b"x"})) == [
        f"{name}: the name leads out of the folder; use names below it"
    ]


def test_a_link_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        link = zipfile.ZipInfo("prelude.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
    assert "this is a link" in faults(buffer.getvalue())[0]


def test_a_bomb_is_refused_by_what_it_unpacks_to() -> None:
    bomb = packed({"assignment.toml": b"#" * (archive.MOST_BYTES + 1)})
    assert len(bomb) < 20_000
    # The size that the archive states is not believed.
    lying = bomb.replace((archive.MOST_BYTES + 1).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != bomb
    for data in (bomb, packed({f"{number}.py": b"#" * 2**20 for number in range(9)})):
        assert faults(data) == ["the files have more than 8 MB together"]
    assert len(faults(lying)) == 1


def test_too_many_files_are_refused() -> None:
    data = packed({f"{number}.py": b"" for number in range(archive.MOST_FILES + 1)})
    assert faults(data) == ["the archive has 1,001 files; an assignment has at most 1,000"]


def test_one_file_is_not_two() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("assignment.toml", "a")
        with pytest.warns(UserWarning, match="Duplicate name"):
            out.writestr("assignment.toml", "b")
    assert faults(buffer.getvalue()) == ["assignment.toml: the archive holds this file twice"]


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + b"\xff" * 18, archive.write(TEXTS, "x")[:-100]])
def test_what_is_no_archive_is_named_as_such(data: bytes) -> None:
    (fault,) = faults(data)
    assert fault.startswith("this is no ZIP archive that can be read")


def test_a_damaged_or_oddly_packed_file_is_refused() -> None:
    data = bytearray(archive.write(TEXTS, "x"))
    data[200] ^= 0xFF
    assert len(faults(bytes(data))) == 1
    assert "unusual way" in faults(packed({"assignment.toml": b"x"}, zipfile.ZIP_LZMA))[0]
    encrypted = bytearray(packed({"assignment.toml": b"x"}, zipfile.ZIP_STORED))
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in faults(bytes(encrypted))[0]


def test_text_that_cannot_be_stored_is_named_with_its_line() -> None:
    unpacked = archive.read(packed({"assignment.toml": b"a\n\n\xff", "b.py": b"x\n\0", "c.py": b"fine"}))
    assert [(fault.file, fault.line) for fault in unpacked.faults] == [("assignment.toml", 3), ("b.py", 2)]
