"""Intake turns bytes into the text that runs, drops the rest and notes it."""

from __future__ import annotations

import ast
import json

import pytest

from grader import intake
from grader.intake import DropKind
from grader.submission import Part
from tests.unit.intake.paste import KINDS, LOSS, MODEL, call_entry, code_lines, note_ids, notebook, read_text, source_of

TRAINING = (
    """\
!pip install -q torchsummary
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchsummary import summary
from tqdm.auto import tqdm
import matplotlib.pyplot as plt
from google.colab import drive
drive.mount('/content/drive')
%matplotlib inline
"""
    + MODEL
    + """
student = get_student_model()
summary(student, (3, 224, 224), device='cpu')
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
!gdown --id 1abc
for epoch in range(100):
    for x, y in tqdm(loader):
        student(x).sum().backward()
        optimizer.step()

def plot(history):
    plt.plot(history)

if __name__ == '__main__':
    plot([])
"""
)


def test_valid_module_is_unchanged() -> None:
    result = read_text(MODEL)
    assert result.source == MODEL
    assert result.error is None
    assert not result.is_damaged
    assert result.notes == ()
    assert result.missing_names == ()


def test_training_is_dropped_and_lines_stay() -> None:
    result = read_text(TRAINING)
    assert result.source is not None
    tree = ast.parse(result.source)
    assert not any(isinstance(node, ast.For | ast.If | ast.Expr) for node in tree.body)
    line = TRAINING.split("\n").index("class StudentNet(nn.Module):")
    assert result.source.split("\n")[line] == "class StudentNet(nn.Module):"
    assert result.source.count("\n") == TRAINING.count("\n")
    kinds = {item.kind for item in result.dropped_pieces}
    assert {DropKind.MAGIC, DropKind.IMPORT, DropKind.CALL, DropKind.LOOP, DropKind.MAIN, DropKind.ASSIGNMENT} <= kinds
    assert (1, DropKind.MAGIC, "!pip install -q torchsummary", None) in result.dropped_pieces
    assert {"intake.dropped", "intake.import_dropped"} <= note_ids(result)


def test_notebook_serves_both_entry_points() -> None:
    cells = ["!pip install x\nimport torch", "%%bash\nls", MODEL, "await nothing(", LOSS, "get_student_model()"]
    for version in (3, 4):
        data = notebook(*cells, version=version)
        for entry in ("get_student_model", "loss_fn_kd"):
            source = read_text(data, entry).source
            assert source is not None
            assert {"get_student_model", "loss_fn_kd"} <= intake.defined_names(source)
            assert "pip" not in source


def test_lines_of_a_cell_that_lost_their_ends_are_lines() -> None:
    cell = {"cell_type": "code", "source": ["three = 3", "def get_student_model():", "    return three"]}
    assert call_entry(source_of(json.dumps({"cells": [cell]}))) == 3


def test_later_cell_redefines_the_earlier_one() -> None:
    source = source_of(notebook("def get_student_model():\n    return 1", "def get_student_model():\n    return 2"))
    assert call_entry(source) == 2


def test_zero_in_a_cell_of_a_notebook_is_left_out() -> None:
    assert "return 1" in source_of(notebook("def get_student_model():\n    return\0 1"))


def test_notebook_is_recognised_by_content_and_its_lines_count_in_their_cell() -> None:
    result = read_text(notebook("x = 1", "def get_student_model():\n    return helper()"))
    assert result.missing_names == (("helper", 2, 2),)
    assert result.source is not None
    assert result.source.split("\n")[4] == "    return helper()"


def test_future_import_of_a_later_cell_comes_first() -> None:
    cell = "from __future__ import annotations\ndef get_student_model(x: Nothing):\n    return x"
    result = read_text(notebook("import torch", cell))
    assert result.error is None
    assert result.source is not None
    compile(result.source, "submission", "exec")


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"", "code.empty"),
        (b" \r\n\t", "code.empty"),
        (b"%PDF-1.7 ...", "code.not_text"),
        (b"PK\x03\x04\x14\x00", "code.not_text"),
        (b"\x80\x02}q\x00.", "code.not_text"),
        (bytes(range(256)), "code.not_text"),
        (b'{"cells": [', "code.notebook_unreadable"),
        (b'{"cells": ' + b"[" * 100_000, "code.notebook_unreadable"),
        (b'{"cells": []}', "code.notebook_empty"),
        (b'{"cells": [{"cell_type": "code", "source": 3}, 7, null]}', "code.notebook_empty"),
        (b"x = 1\n" * 30_000, "code.too_large"),
        (b"#" * (intake.BYTE_LIMIT + 1), "code.too_large"),
        (b"x = " + b"-" * 40_000 + b"1", "code.too_deep"),
        (b"x = a" + b".b" * 20_000, "code.too_deep"),
        (b"def get_student_model():\n    return a" + b".b" * 800, "code.too_deep"),
    ],
)
def test_unusable_bytes_are_refused_with_their_reason(data: bytes, note: str) -> None:
    result = read_text(data)
    assert result.source is None
    assert result.notes[0].id == note
    # Only a text that Python has refused has an error of Python's.
    assert (result.error is not None) == (note == "code.too_deep")


def test_syntax_error_names_line_and_source() -> None:
    result = read_text(MODEL.replace("def get_student_model():", "def get_student_model(:"))
    assert result.source is None
    assert not result.is_damaged
    assert result.error is not None
    assert result.error.source == "def get_student_model(:"
    assert result.error.line == MODEL[: MODEL.index("def get_student_model")].count("\n") + 1
    assert note_ids(result) == {"code.syntax_error"}


@pytest.mark.parametrize("string", ['"abc', "'''abc"])
def test_message_on_an_open_string_names_one_line(string: str) -> None:
    error = read_text(f"\n\ndef get_student_model():\n    x = 1\n    return {string}\n").error
    assert error is not None
    assert error.line == 5
    assert "line" not in error.message


def test_error_beyond_grammar_is_reported() -> None:
    result = read_text("def get_student_model(x, x):\n    return x\n")
    assert result.source is None
    assert note_ids(result) == {"code.syntax_error"}


@pytest.mark.parametrize(
    ("encoding", "is_noted"),
    [("utf-8", False), ("utf-8-sig", False), ("utf-16", True), ("utf-16-le", True), ("utf-16-be", True),
     ("utf-32", True), ("cp950", True)],
)  # fmt: skip
def test_encodings(encoding: str, is_noted: bool) -> None:
    text = MODEL.replace("# the shortcut", "# 捷徑需要相同的通道數")
    result = read_text(text.encode(encoding))
    assert result.source == text
    assert ("intake.encoding" in note_ids(result)) is is_noted


def test_latin_1_is_read_and_a_coding_line_has_no_effect() -> None:
    # "naïve" alone would also be valid Big5, with a Chinese character in place of its last three letters.
    text = "# -*- coding: big5 -*-\nname = 'naïve'\n" + MODEL
    assert read_text(text.encode("latin-1")).source == text
    assert read_text(text.encode()).source == text


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends(newline: str) -> None:
    assert read_text(MODEL.replace("\n", newline)).source == MODEL


def _prompted(code: str) -> str:
    lines = code.rstrip("\n").split("\n")
    return "\n".join(f"{'...' if line[:1] in ('', ' ') else '>>>'} {line}" for line in lines)


def _numbered(code: str) -> str:
    return "\n".join(f"{number:>3} {line}" for number, line in enumerate(code.rstrip("\n").split("\n"), 1))


@pytest.mark.parametrize(
    ("pasted", "note"),
    [
        ("My model:\n```python\n" + MODEL + "```\nThank you!\n", "intake.fences"),
        (MODEL.replace("\n\n\nclass StudentNet", "\n```\n\n```\nclass StudentNet"), "intake.fences"),
        (_prompted(MODEL), "intake.prompts"),
        ("In [12]:\n" + MODEL + "Out[12]: StudentNet(...)\n", "intake.prompts"),
        (_numbered(MODEL), "intake.line_numbers"),
        (MODEL.replace("    ", "\u00a0\u00a0 \u3000"), "intake.spaces"),
        (MODEL.replace("super", "su\u200bper"), "intake.spaces"),
        (MODEL.replace("(self, x)", "（self，x）"), "intake.characters"),
        (MODEL.replace('    """A depthwise', '    tag = “conv\'s 1”\n    """A depthwise'), "intake.characters"),
        ("\n".join("      " + line for line in MODEL.split("\n")), "intake.margin"),
        (
            MODEL.replace("        self.depth", "\tself.depth").replace("        super(S", "    \tsuper(S"),
            "intake.tabs",
        ),
        ("Question 1.1, my student model is below.\n" + MODEL, "intake.prose"),
        (MODEL + "\nTotal params: 96,587\n-----------\n", "intake.prose"),
        (MODEL.replace("_", "\\_"), "intake.markdown"),
        (MODEL.replace("__init__", "**init**"), "intake.markdown"),
        ("".join(f"> {line}".rstrip() + "\n" for line in MODEL.splitlines()), "intake.quoted"),
        ("".join(f"+{line}\n" for line in MODEL.splitlines()), "intake.quoted"),
        (MODEL.replace("\n", "<br>\n").replace("'", "&#39;"), "intake.html"),
        (
            "<pre><code>\n" + MODEL.replace("bias=False", "bias=3 &gt; 4").replace("==", "&#61;=") + "</code></pre>\n",
            "intake.html",
        ),
        ("".join(f"{number}\n{line}\n" for number, line in enumerate(MODEL.splitlines(), 1)), "intake.line_numbers"),
        (MODEL.rstrip().replace("\n", "\n    "), "intake.margin"),
    ],
)
def test_harmless_traces_of_copying_are_removed(pasted: str, note: str) -> None:
    result = read_text(pasted)
    assert result.error is None
    assert not result.is_damaged
    assert note in note_ids(result)
    assert result.source is not None
    assert result.source.count("\n") == pasted.count("\n")
    expected = ast.parse(MODEL.replace("bias=False", "bias=3 > 4") if "&gt;" in pasted else MODEL).body
    nodes = [node for node in ast.parse(result.source).body if not isinstance(node, ast.Expr)]
    assert [ast.dump(node) for node in nodes[-2:]] == [ast.dump(node) for node in expected[-2:]]


def test_text_that_was_pasted_twice_is_read_once() -> None:
    stripped = MODEL.rstrip("\n")
    result = read_text(stripped + stripped)
    assert "intake.twice" in note_ids(result)
    assert result.source == MODEL
    assert read_text(MODEL + MODEL).error is None  # a copy on lines of its own: the later definitions count


def test_line_breaks_of_a_word_processor() -> None:
    result = read_text(MODEL.replace("\n", "\u2028"))
    assert result.source == MODEL
    assert "intake.spaces" in note_ids(result)


def test_powers_and_escapes_in_code_are_not_markdown() -> None:
    text = "def get_student_model():\n    return 2**init**3, '\\_', 1 if **x** else 2\n"
    result = read_text(text)
    assert result.source is None  # the last expression is a mistake, and the line is unchanged
    assert result.error is not None
    assert result.error.source == text.split("\n")[1].strip()


def test_unneeded_notebook_cell_may_be_broken() -> None:
    result = read_text(notebook("def scratch(:\n    pass", MODEL, "model = get_student_model("))
    assert result.source is not None
    assert {item.kind for item in result.dropped_pieces} == {DropKind.CELL}


@pytest.mark.parametrize("broken_cell", ["def conv_block(:\n    pass", "def get_student_model(:\n    pass"])
def test_needed_broken_notebook_cell_is_the_error(broken_cell: str) -> None:
    entry = MODEL.replace("StudentNet([2, 1])", "conv_block(StudentNet([2, 1]))")
    entry = entry if "conv_block" in broken_cell else MODEL.replace("def get_student_model", "def other")
    result = read_text(notebook(entry, broken_cell))
    assert result.source is None
    assert note_ids(result) == {"code.syntax_error"}


def test_earlier_broken_version_of_a_cell_is_dropped() -> None:
    assert read_text(notebook(MODEL.replace("(self, x):", "(self, x)"), MODEL)).source is not None


@pytest.mark.parametrize(
    ("text", "is_defined"),
    [
        (LOSS, True),
        (LOSS.replace("_", " "), True),
        (LOSS.encode("utf-16"), True),
        (notebook(MODEL, "loss_fn_kd = KDLoss"), True),
        (notebook(MODEL, LOSS.replace("loss_fn_kd", "kd_loss")), True),
        (MODEL + "loss = loss_fn_kd(x, y, z)\n", False),
        ("# def loss_fn_kd_old\n" + MODEL, False),
        (b"%PDF loss_fn_kd", False),
    ],
)
def test_entry_point_is_defined_or_not(text: str | bytes, is_defined: bool) -> None:
    assert (
        intake.defines_entry(
            Part(text if isinstance(text, bytes) else text.encode()), "loss_fn_kd", KINDS["loss_fn_kd"]
        )
        is is_defined
    )


def test_cleaning_leaves_strings_and_comments_alone() -> None:
    text = "def get_student_model():\n    # “引號”，（全形）\n    return '，「」' + ＂x＂\n"
    source = source_of(text)
    assert "# “引號”，（全形）" in source
    assert "'，「」'" in source
    assert '"x"' in source


def test_magic_inside_a_block_leaves_a_statement() -> None:
    source = source_of("def get_student_model():\n    !ls\n    return 1\nfiles = !ls\nhelp?\n")
    assert code_lines(source) == ["def get_student_model():", "pass", "return 1"]


def test_modulo_at_the_start_of_a_continued_line_is_no_magic() -> None:
    text = "!ls\nwidth = (7\n  % 4)\ndef get_student_model():\n    return width\n"
    source = source_of(text)
    assert call_entry(source) == 3


def test_same_source_twice_gives_the_same_intake() -> None:
    assert read_text(TRAINING) == read_text(TRAINING)


@pytest.mark.parametrize(
    "block",
    [
        "try:\n    import torchinfo\nexcept ImportError:\n    !pip install torchinfo\n",
        "try:\n    from torchinfo import *\nexcept:\n    %pip install torchinfo\n    from torchinfo import *\n",
        "if not found:\n    !pip install torchinfo\n    import torchinfo\n",
        "for name in names: # all of them\n    !pip install {name}\nimport torch\n",
    ],
)
def test_block_in_the_first_line_is_no_heading(block: str) -> None:
    result = read_text(block + MODEL)
    assert result.error is None
    assert "intake.prose" not in note_ids(result)
    assert {"StudentNet", "get_student_model"} <= intake.defined_names(result.source or "")


@pytest.mark.parametrize("words", ["for question 1.1 my answer:", "with the following code:", "If you want to run it:"])
def test_words_that_end_in_a_colon_are_a_heading(words: str) -> None:
    result = read_text(f"{words}\n{MODEL}")
    assert result.error is None
    assert "intake.prose" in note_ids(result)


def test_entry_point_is_searched_in_the_other_part_only_where_its_own_lacks_it() -> None:
    model, loss = Part(b"def get_student_model(): ..."), Part(b"def loss_fn_kd(s, y, t): ...")
    both, neither = Part(model.data + b"\n" + loss.data), Part(b"x = 1")
    for name, entry, own, other in (("model", "get_student_model", model, loss), ("loss", "loss_fn_kd", loss, model)):
        else_name = "loss" if name == "model" else "model"
        assert intake.find_part({name: own, else_name: other}, [name], [else_name], entry, KINDS[entry]) is own
        assert intake.find_part({name: other, else_name: own}, [name], [else_name], entry, KINDS[entry]) is own
        assert intake.find_part({name: own, else_name: both}, [name], [else_name], entry, KINDS[entry]) is own
        assert intake.find_part({else_name: both}, [name], [else_name], entry, KINDS[entry]) is both
        assert intake.find_part({name: neither, else_name: other}, [name], [else_name], entry, KINDS[entry]) is neither
        assert intake.find_part({else_name: other}, [name], [else_name], entry, KINDS[entry]) is None
