"""Faults of functions and of authors' files: each is named, and charged to the right person."""

from __future__ import annotations

import logging
import re

import pytest

from grader.evidence import Fault
from grader.messages import LANGUAGES, render
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict, score
from tests import slices
from tests.functions import small

RIGHT = "def scale(tensor, factor):\n    return tensor * factor\n"
WRONG = "def scale(tensor, factor):\n    return tensor - factor\n"

BAD_FUNCTIONS: dict[str, tuple[str, float, Verdict, str | tuple[str, ...]]] = {
    "missing": ("def scales(x):\n    return x\n", 0.0, Verdict.NONE, "function.no_entry_point"),
    "too few parameters": (
        "def scale(tensor):\n    return tensor\n",
        0.0,
        Verdict.NEEDS_REVIEW,
        "function.signature.no_place",
    ),
    "too many parameters": (
        "def scale(tensor, factor, device):\n    return tensor\n",
        0.0,
        Verdict.NEEDS_REVIEW,
        "function.signature.unknown_parameter",
    ),
    "raises in every case": (
        "def scale(tensor, factor):\n    return tensor.reshape(7)\n",
        0.0,
        Verdict.NONE,
        "function.error",
    ),
    "raises in some cases": (
        "def scale(tensor, factor):\n    return tensor / (1 / factor)\n",
        0.5,
        Verdict.PARTIAL,
        "function.failed.raises",
    ),
    "endless loop": (
        "def scale(tensor, factor):\n    while True:\n        pass\n",
        0.0,
        Verdict.NONE,
        "function.timeout",
    ),
    "a billion elements": (
        "def scale(tensor, factor):\n    return tensor[:1, :1].expand(1 << 15, 1 << 15)\n",
        0.0,
        Verdict.NONE,
        "function.failed.object",
    ),
    "a billion elements in memory": (
        "import torch\ndef scale(tensor, factor):\n    return torch.ones(10**9) + torch.ones(10**9)\n",
        0.0,
        Verdict.NONE,
        ("function.memory", "function.error"),
    ),
    "generator": (
        "def scale(tensor, factor):\n    yield tensor * factor\n",
        0.0,
        Verdict.NONE,
        "function.failed.object",
    ),
    "model": (
        "import torch\ndef scale(tensor, factor):\n    return torch.nn.Linear(3, 3)\n",
        0.0,
        Verdict.NONE,
        "function.failed.object",
    ),
    "names that no class has": (
        "class T(tuple):\n    _fields = ('a b', '1')\ndef scale(tensor, factor):\n    return T((1, 2))\n",
        0.0,
        Verdict.NONE,
        "function.failed.result",
    ),
    "much data": (
        "import torch\ndef scale(tensor, factor):\n    return [torch.zeros(1 << 22) for _ in range(8)]\n",
        0.0,
        Verdict.NONE,
        "function.too_much_data",
    ),
    "returns nothing": (
        "def scale(tensor, factor):\n    tensor * factor\n",
        0.0,
        Verdict.NONE,
        "function.failed.nothing",
    ),
    "not a number": (
        "def scale(tensor, factor):\n    return tensor * float('nan')\n",
        0.0,
        Verdict.NONE,
        "function.failed.result_elements",
    ),
    "another type": (
        "def scale(tensor, factor):\n    return (tensor * factor).int()\n",
        0.5,
        Verdict.PARTIAL,
        "function.failed.result_elements",
    ),
    "another shape": (
        "def scale(tensor, factor):\n    return (tensor * factor).flatten()\n",
        0.0,
        Verdict.NONE,
        "function.failed.result",
    ),
    "complex numbers": (
        "import torch\ndef scale(tensor, factor):\n    return torch.complex(tensor * factor, tensor)\n",
        0.0,
        Verdict.NONE,
        "function.failed.object",
    ),
    "prints without an end": (
        "def scale(tensor, factor):\n    while True:\n        print('x' * 10_000)\n",
        0.0,
        Verdict.NONE,
        "function.output_limit",
    ),
    "a class": (
        "class scale:\n    def __init__(self, tensor, factor):\n        pass\n",
        0.0,
        Verdict.NEEDS_REVIEW,
        "function.signature.unreadable",
    ),
}
SAID = {
    "returns nothing": ("returned nothing (None)", "沒有回傳值（None）"),
    "generator": ("an object of the type generator", "型別為 generator 的物件"),
    "model": ("an object of the type Linear", "型別為 Linear 的物件"),
    "a billion elements": ("Tensor (1,073,741,824 elements)", "Tensor (1,073,741,824 elements)"),
    "complex numbers": ("Tensor (complex64)", "Tensor (complex64)"),
    "not a number": ("6 of them are NaN or infinite", "其中 6 個是 NaN 或無窮大"),
    "another shape": ("shape (6,)", "shape (2, 3)"),
    "another type": ("dtype=torch.int32", "dtype=torch.int32"),
    "endless loop": ("within the time allowed (2 s)", "時間上限（2 "),
    "raises in some cases": ("(line 2: return tensor / (1 / factor))", "（第 2 行：return tensor / (1 / factor)）"),
}


@pytest.mark.parametrize("name", BAD_FUNCTIONS)
def test_bad_function_is_the_students_fault(sandbox: Sandbox, name: str) -> None:
    code, points, verdict, messages = BAD_FUNCTIONS[name]
    used, evidence = small.examine(sandbox, code)
    assert evidence.fault is None, evidence.author_error
    result = score(used, "1", evidence)
    assert (result.score, result.verdict) == (points, verdict), result.messages
    assert {note.id for note in result.messages} & set([messages] if isinstance(messages, str) else messages), result
    for language, said in zip(LANGUAGES, SAID.get(name, ("", "")), strict=True):
        text = " ".join(render(note, language) for note in result.messages)
        assert said in text
        assert not re.search("the loss|the model|損失|模型", text), text


def test_remarks_on_the_code_reach_the_report(sandbox: Sandbox) -> None:
    used, evidence = small.examine(sandbox, f"!pip install torch\n{RIGHT}")
    result = score(used, "1", evidence)
    assert result.score == 1.0
    assert any(note.id.startswith("intake.") for note in result.messages), result.messages


_RAISING = small.CASES.replace("    for factor", "    raise OSError('no file')\n    for factor")
BAD_FILES = {
    "no reference": ({"reference": ""}, "the assignment has no file scale/reference.py"),
    "no cases": ({"cases": ""}, "the assignment has no file scale/cases.py"),
    "syntax error": ({"cases": small.CASES.replace("rng):", "rng)")}, "scale/cases.py, line 3: SyntaxError"),
    "reference that cannot be read": ({"reference": "def scale(:\n"}, "scale/reference.py, line 1: SyntaxError"),
    "reference without the function": (
        {"reference": "def other():\n    pass\n"},
        "scale/reference.py defines no scale",
    ),
    "no function cases": ({"cases": "CASES = []\n"}, "scale/cases.py defines no function cases(rng)"),
    "cases that raise": ({"cases": _RAISING}, "scale/cases.py, line 4: OSError: no file"),
    "no case": ({"cases": "def cases(rng):\n    return iter(())\n"}, "scale/cases.py yields no cases"),
    "no pairs": ({"cases": "def cases(rng):\n    yield 1\n"}, "scale/cases.py"),
    "201 cases": (
        {"cases": "def cases(rng):\n    for i in range(201):\n        yield 'usual', {'tensor': 1, 'factor': i}\n"},
        "more than 200 cases",
    ),
    "cases of no kind that counts": (
        {"cases": small.CASES.replace('"zero"', '"null"')},
        "yields no case of the kind 'zero'",
    ),
    "an input that cannot be passed": (
        {"cases": small.CASES.replace('"factor": 0.0', '"factor": object()')},
        "the input factor of the case 'zero' is no value that can be passed: object",
    ),
    "endless cases": ({"cases": "def cases(rng):\n    while True:\n        pass\n"}, "scale/cases.py: timeout"),
    "reference that raises": (
        {"reference": "def scale(tensor, factor):\n    return tensor * (1 / factor)\n"},
        "scale/reference.py on the case 'zero', line 2: ZeroDivisionError",
    ),
    "property that raises": (
        {"property": "def accepts(inputs, output):\n    return output.missing\n"},
        "scale/property.py, line 2: AttributeError",
    ),
    "mistake that cannot be read": (
        {"mistakes/divides": '"""\nen: Text.\n"""\ndef scale(x):\n    return x +\n'},
        "mistakes/divides.py",
    ),
}


@pytest.mark.parametrize("name", slices.all_but(BAD_FILES, "endless cases"))
def test_bad_file_of_the_author_is_the_graders_fault(
    sandbox: Sandbox, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    files, error = BAD_FILES[name]
    with caplog.at_level(logging.ERROR, "grader"):
        _, evidence = small.examine(sandbox, WRONG, **files)
    assert evidence.fault is Fault.GRADER
    assert error in evidence.author_error
    assert error in caplog.text


_FORGED = """
import sys, grader.sandbox.harness.function_author as side
def forged(self, meta, arrays):
    return {answer}, []
side.Author.{name}.__code__ = forged.__code__
def scale(tensor, factor):
    return tensor * factor
"""
HOSTILE_FILES = {
    "reads files": "print(open('/etc/passwd').read())",
    "writes files": "open('/tmp/assay-author', 'w').write('x')",
    "opens a connection": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "starts a program": "import subprocess; subprocess.run(['true'])",
    "ends its parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "ends itself": "import os; os._exit(0)",
    "fills the memory": "x = [bytearray(1 << 28) for _ in range(1000)]",
    "makes processes": "import os\nwhile True:\n    os.fork()",
    "claims a billion cases": _FORGED.format(name="draw", answer="{'cases': 10**9}"),
    "claims cases without inputs": _FORGED.format(name="cases", answer="{'cases': [{'kind': 7}]}"),
    "claims a list of no cases": _FORGED.format(name="cases", answer="{'cases': 3}"),
    "claims more cases than it drew": _FORGED.format(
        name="cases", answer="{'cases': [{'kind': 'usual', 'arrays': 0, 'inputs': {'tensor': {'kind': 'none'}}}] * 9}"
    ),
    "claims odd inputs": _FORGED.format(
        name="cases", answer="{'cases': [{'kind': 'usual', 'arrays': 5, 'inputs': {'x': 3}}] * 4}"
    ),
    "claims odd answers": _FORGED.format(
        name="call", answer="{'result': {'kind': 'tensor', 'array': 9}, 'kwargs': []}"
    ),
}


@pytest.mark.parametrize("name", slices.all_but(HOSTILE_FILES, "fills the memory"))
def test_hostile_file_of_the_author_ends_its_own_child_only(sandbox: Sandbox, name: str) -> None:
    source = HOSTILE_FILES[name]
    _, evidence = small.examine(
        sandbox, RIGHT, cases=f"{source}\n{small.CASES}", reference=f"{source}\n{small.REFERENCE}"
    )
    assert evidence.fault is Fault.GRADER or "claims" not in name, evidence
    used, healthy = small.examine(sandbox, RIGHT)
    assert score(used, "1", healthy).score == 1.0


_SEARCH = """
import gc, re
# Patterns that do not match themselves.
FIND = rb"a-marker-that[-]stands-in-the-authors-files"
OWN = rb"own[-]text-of-this-code"
TEXT = "own-text-of-this-code"

def memory():
    # The kernel's view of this process, where the sandbox lets it be opened.
    try:
        for line in open("/proc/self/maps"):
            fields = line.split()
            begin, end = (int(part, 16) for part in fields[0].split("-"))
            with open("/proc/self/mem", "rb", 0) as file:
                try:
                    file.seek(begin)
                    yield file.read(end - begin)
                except (OSError, ValueError, OverflowError):
                    pass
    except OSError:
        pass

def reachable():
    # Every text that the garbage collector reaches: what a source, a docstring or a constant would be.
    seen, level = set(), gc.get_objects()
    for _ in range(3):
        level = [item for item in gc.get_referents(*level) if id(item) not in seen and not seen.add(id(item))]
        yield "\\n".join(item for item in level if type(item) is str).encode("utf-8", "replace")
        yield b"\\n".join(item for item in level if type(item) is bytes)

def places(text):
    return sum(re.search(text, data) is not None for source in (memory, reachable) for data in source())

def scale(tensor, factor):
    raise RuntimeError(f"seen {places(OWN)} {places(FIND)}")
"""


def test_the_students_child_holds_nothing_of_the_authors_files(sandbox: Sandbox) -> None:
    marker = "a-marker-that-stands-in-the-authors-files"
    _, evidence = small.examine(
        sandbox,
        _SEARCH,
        reference=f"MARKER = {marker!r}\n{small.REFERENCE}",
        cases=f"MARKER = {marker!r}\n{small.CASES}",
    )
    assert evidence.error is not None
    seen = re.fullmatch(r"seen (\d+) (\d+)", evidence.error.message)
    assert seen is not None, evidence.error
    assert int(seen[1]) > 0, "the search finds what is there"
    assert int(seen[2]) == 0
