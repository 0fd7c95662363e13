"""How the work of every reader of uploads grows: the worst input of each that is known, at full and at half size.

    python -m tests.load.parser_growth [name ...] [--share 0.5]

Each row is measured in a process of its own: processor seconds at half and at full size, their ratio (two for a linear
reader), and the memory that the full size adds. A full size is the largest that the reader takes, or refuses last.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import resource
import statistics
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from app.exports import canvas, canvas_file
from app.pages import compare, source
from app.similarity import fingerprints
from app.users import roster
from grader import intake, part_outputs
from grader.answers import read_answers
from grader.assignment import bundled
from grader.checks.choice import measure as choice
from grader.checks.pruning import measure as pruning
from grader.checks.summary import measure as summary
from grader.parts import PartKind
from grader.submission import Part

ENTRY = "def get_student_model():\n    return {}\n"
_QUESTIONS = {question.check: question for question in bundled("hw13").questions}
_MB = 2**20
_LINES, _WORDS = intake.LINE_LIMIT - 10, intake.TOKEN_LIMIT - 100


@dataclass(frozen=True)
class Growth:
    """Processor seconds at half and full size, and the memory in MB that the full size took."""

    half: float
    full: float
    megabytes: float

    @property
    def ratio(self) -> float:
        """Two for a linear reader, four for a quadratic one."""
        return self.full / max(self.half, 1e-4)


@dataclass(frozen=True)
class Reader:
    """A reader of uploads, and what makes its worst input of a size."""

    read: Callable[[Any], object]
    make: Callable[[int], Any]
    size: int


def _code(text: str) -> object:
    return intake.read_part(Part(text.encode()), "get_student_model", frozenset(), "apply")


def _bytes_of_code(data: bytes) -> object:
    return intake.read_part(Part(data), "get_student_model", frozenset(), "apply")


def _notebook(*cells: str) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}).encode()


def _lines(template: str, count: int) -> str:
    return "".join(template.format(number) for number in range(count))


def _names(count: int) -> str:
    return ", ".join(f"a{number}" for number in range(count))


def _png(colour: int, depth: int, side: int, interlaced: int = 0, chunk: int = 1 << 20) -> bytes:
    """A PNG of one colour. ``colour``: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + b"\x55" * (-(-side * samples * depth // 8))
    rows = b"".join(_passes(side, samples * depth)) if interlaced else row * side
    data = zlib.compress(rows, 9)
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header)]
    if colour == 3:
        chunks += [(b"PLTE", bytes(range(256)) * 3), (b"tRNS", bytes(256))]
    chunks += [(b"IDAT", data[at : at + chunk]) for at in range(0, len(data), chunk)]
    chunks += [(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _passes(side: int, bits: int) -> list[bytes]:
    """The rows of the seven passes of an interlaced PNG (PNG specification, 8.2)."""
    rows = []
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        width, height = -(-(side - x) // dx), -(-(side - y) // dy)
        rows.append((b"\0" + b"\x55" * (-(-width * bits // 8))) * height)
    return rows


def _jpeg(side: int, mode: str = "RGB") -> bytes:
    written = io.BytesIO()
    Image.new(mode, (side, side), 77 if mode == "L" else (7,) * len(mode)).save(
        written, "JPEG", progressive=True, quality=95, subsampling=0
    )
    return written.getvalue()


def _scans(jpeg: bytes, scans: int) -> bytes:
    """The JPEG with its last scan repeated, which a decoder repeats for all pixels."""
    at = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[at:-2] * scans + jpeg[-2:]


def _shown(*outputs: Mapping[str, object]) -> bytes:
    """A notebook whose only cell has these outputs."""
    return json.dumps({"cells": [{"cell_type": "code", "source": "prune " * 2_000, "outputs": outputs}]}).encode()


def _outputs(data: bytes) -> object:
    parts = bundled("hw13").parts
    return part_outputs.find(parts, {part.name: Part(data) for part in parts if part.kind is PartKind.CODE})


def _picture(data: bytes) -> object:
    return pruning.measure(data, None)


def _summary(text: str) -> object:
    return summary.measure(text.encode(), None, _QUESTIONS["summary"])


def _points(text: str) -> object:
    return pruning.measure(None, text.encode())


def _coloured(text: str) -> object:
    return source.to_html(PartKind.CODE, text)


def _gradebook(data: bytes) -> object:
    return _refused(lambda: canvas_file.records(data))


def _side(pixels: int) -> int:
    return int(pixels**0.5)


def _compare(text: tuple[str, str]) -> object:
    return compare.difference(*text)


MOST_RATIO = 3.0
NO_SECONDS = 0.05
_MILLION = 1_000_000
READERS: Mapping[str, Reader] = {
    "outputs: pieces": Reader(
        _outputs, lambda n: _shown(*[{"output_type": "stream", "text": "Total params"}] * n), 100_000
    ),
    "outputs: texts": Reader(
        _outputs, lambda n: _shown(*[{"output_type": "x", "text": "Total params" + "x" * 1_000}] * n), 7_500
    ),
    "outputs: pictures": Reader(
        _outputs, lambda n: _shown(*[{"output_type": "x", "png": "iVBORw0KGgoAAAANSUhEUgAA"}] * n), 100_000
    ),
    "outputs: a large picture": Reader(
        _outputs, lambda n: _shown({"output_type": "x", "png": "iVBORw0KGgoAAAANSUhEUgAA" + "AAAA" * n}), 2 * 10**6
    ),
    # Code: lines, words and bytes as the limits of intake allow.
    "code: magics": Reader(_code, lambda n: "!a\n" * n, _WORDS // 3),
    "code: magics in a notebook": Reader(_bytes_of_code, lambda n: _notebook("!a\n" * n), _WORDS // 3),
    "code: names": Reader(_code, lambda n: "a\n" * n, _LINES),
    "code: statements": Reader(_code, lambda n: "a=1\n" * n, _WORDS // 4),
    "code: unreadable lines": Reader(_code, lambda n: "a b\n" * n + ENTRY.format(0), _WORDS // 3 - 10),
    "code: unreadable cells": Reader(_bytes_of_code, lambda n: _notebook(*["a b"] * n, ENTRY.format(0)), 990),
    "code: long unreadable cells": Reader(
        _bytes_of_code, lambda n: _notebook(*[_lines("x{0} = f(x{0} y)\n", n // 100)] * 100, ENTRY.format(0)), 5_000
    ),
    "code: open brackets": Reader(_code, lambda n: "f(\n" * n + ENTRY.format(0), _WORDS // 3 - 10),
    "code: open quotes": Reader(_code, lambda n: "a '''\n" * n + ENTRY.format(0), 9_000),
    "code: broken values of used names": Reader(
        _code,
        lambda n: _lines("a{0} = 1\n", n) + _lines("a{0} = 1 1\n", n) + ENTRY.format(f"[{_names(n)}]"),
        4_000,
    ),
    "code: many pieces and many values of one name": Reader(
        _code, lambda n: "a = 1\n" * n + "a.b(a a)\n" * n + ENTRY.format("a"), 3_500
    ),
    "code: pieces with all names": Reader(
        _code,
        lambda n: (
            "".join(f"a{k} = 1\n" for k in range(n)) + f"f({_names(n)} a)\n" * 20 + ENTRY.format(f"[{_names(n)}]")
        ),
        1_000,
    ),
    "code: decorators": Reader(_code, lambda n: "@a\n" * n + "def f(x y):\nreturn x\n", 16_000),
    "code: names around in": Reader(_code, lambda n: "x = " + "a in b " * n + "\n", 12_000),
    "code: flat methods": Reader(_code, lambda n: "class A:\n" + _lines("def m{0}(self):\nreturn 1\n", n), 4_000),
    "code: lost underscores": Reader(_code, lambda n: _lines("def f g{0}(a b):\n    return a b\n", n), 3_800),
    "code: prompts": Reader(_code, lambda n: ">>> a b\n" * n, 8_000),
    "code: fences": Reader(_code, lambda n: "```\na b\n" * n, 8_000),
    "code: words": Reader(_code, lambda n: "the loss is small. \n" * n + ENTRY.format(0), 8_000),
    "code: nested brackets": Reader(_code, lambda n: "x = " + "(" * n + ")" * n, 24_000),
    "code: nested blocks": Reader(_code, lambda n: "".join(" " * k + "if a:\n" for k in range(n)), 900),
    "code: one long line": Reader(_code, lambda n: "x = " + "a+" * n + "a b\n", 24_000),
    "code: spaces": Reader(_code, lambda n: "x y\n" + " " * n + "(\n", 900_000),
    "code: a long number": Reader(_code, lambda n: "x y\n" + "1." * n + "(\n", 500_000),
    "code: signs of a number": Reader(_code, lambda n: "x y\n" + "1e+" * n + "(\n", 24_000),
    "code: a long name": Reader(_code, lambda n: "x y\n" + "a" * n + "(\n", 900_000),
    "code: continued lines": Reader(_code, lambda n: "x y\n" + "\\\n" * n + "(\n", 9_000),
    "code: a long comment": Reader(_code, lambda n: "x y\n" + "# " * n + "\n" + ENTRY.format(0), 20_000),
    "code: a long string": Reader(_code, lambda n: "x y\ns = '" + "\\'" * n + "\n", 400_000),
    "code: functions that use each other": Reader(
        _code, lambda n: _lines("def g{0}():return g1,g2\n", n) + ENTRY.format("g1"), 5_000
    ),
    "code: a chain of functions": Reader(
        _code, lambda n: "".join(f"def g{k}():return g{k + 1}\n" for k in range(n)) + ENTRY.format("g0"), 5_500
    ),
    "code: a chain of values": Reader(
        _code, lambda n: "a0 = 1\n" + "".join(f"a{k + 1}=a{k}\n" for k in range(n)) + ENTRY.format(f"a{n}"), 11_000
    ),
    "code: changes of used names": Reader(
        _code, lambda n: _lines("a{0}=A()\n", n) + _lines("a{0}.x=1\n", n) + ENTRY.format(f"[{_names(n)}]"), 3_500
    ),
    "code: a block that changes all": Reader(
        _code,
        lambda n: _lines("a{0}=A()\n", n) + "if c:\n" + _lines(" a{0}.x=1\n", n) + ENTRY.format(f"[{_names(n)}]"),
        3_400,
    ),
    "code: calls with all names": Reader(
        _code,
        lambda n: _lines("a{0}=A()\n", n) + f"f({_names(n)})\n" * 10 + ENTRY.format(f"[{_names(n)}]"),
        1_400,
    ),
    "code: functions behind a class": Reader(
        _code,
        lambda n: "class A:\n def f(self):0\n" + _lines("def g{0}(self):0\n", n) + _lines("(0,g{0})\n", n),
        3_300,
    ),
    "code: marks on letters": Reader(_code, lambda n: "a\u0301\u0323" * n + " = 1 1\n", 100_000),
    "code: HTML": Reader(_code, lambda n: "<p>" * n + "x y\n", 12_000),
    "code: a difference": Reader(_code, lambda n: "@@ -1 +1 @@\n" + "+a b\n-c d\n" * n, 5_500),
    "notebook: brackets": Reader(_bytes_of_code, lambda n: b'{"cells":[' + b'[{"":0}],' * n + b"{}]}", 240_000),
    "notebook: keys": Reader(
        _bytes_of_code,
        lambda n: b'{"cells":[{' + b",".join(b'"%d":0' % k for k in range(n)) + b"}]}",
        780_000,
    ),
    "notebook: short texts": Reader(_bytes_of_code, lambda n: b'{"cells":[0' + b',"ab"' * n + b"]}", 1_600_000),
    "notebook: numbers": Reader(_bytes_of_code, lambda n: b'{"cells":[0' + b",1.5" * n + b"]}", 2_000_000),
    "notebook: a long number": Reader(_bytes_of_code, lambda n: b'{"cells":[' + b"1" * n + b"]}", 4_000_000),
    "notebook: escapes": Reader(
        _bytes_of_code, lambda n: b'{"cells":[{"cell_type":"code","source":"' + b"\\n" * n + b'"}]}', 4_000_000
    ),
    # Other texts.
    "summary: rows": Reader(
        _summary,
        lambda n: "Layer (type) Output Shape Param #\n" + "Conv2d-1 [-1, 3, 3, 3] 1\n" * n + "Total params: 9\n",
        40_000,
    ),
    "summary: totals": Reader(
        _summary,
        lambda n: "Total params: 9\n" * n,
        65_000,
    ),
    "summary: numbers": Reader(_summary, lambda n: "1,1 " * n, 250_000),
    "summary: digits": Reader(_summary, lambda n: "1" * n, 1_000_000),
    "summary: pipes": Reader(
        _summary,
        lambda n: "Total params" + "|" * n + "\n",
        1_000_000,
    ),
    "summary: spaces": Reader(
        _summary,
        lambda n: "Total params:" + " " * n + "x\n",
        1_000_000,
    ),
    "summary: brackets": Reader(
        _summary,
        lambda n: "Conv2d-1 " + "[-1, " * n + "\n",
        200_000,
    ),
    "answers": Reader(
        lambda text: read_answers(text.encode()),
        lambda n: json.dumps({f"q{k}": "1." * 50 for k in range(n)}),
        100,
    ),
    "answers: brackets": Reader(
        lambda text: _refused(lambda: read_answers(text.encode())), lambda n: "[" * n, 64 * 1024
    ),
    "answer: a long text": Reader(
        lambda text: choice.measure({"3.2": text}, bundled("hw13").question("3.2")), lambda n: "no " * n, 666
    ),
    "points": Reader(_points, lambda n: "ratio,accuracy\n" + "0.5,0.5\n" * n, 120_000),
    "points: cells": Reader(_points, lambda n: "ratio,accuracy\n" + "," * n, _MILLION),
    "points: quotes": Reader(_points, lambda n: 'ratio,accuracy\n"' + '""' * n, 500_000),
    "points: digits": Reader(_points, lambda n: "ratio,accuracy\n0." + "1" * n + ",1\n", _MILLION),
    # Pictures of the largest number of pixels, in every form that costs a decoder more.
    "picture: RGBA of 16 bits": Reader(_picture, lambda n: _png(6, 16, _side(n)), pruning.PIXEL_LIMIT),
    "picture: interlaced RGBA of 16 bits": Reader(_picture, lambda n: _png(6, 16, _side(n), 1), pruning.PIXEL_LIMIT),
    "picture: grey of 16 bits": Reader(_picture, lambda n: _png(0, 16, _side(n)), pruning.PIXEL_LIMIT),
    "picture: grey and alpha of 16 bits": Reader(_picture, lambda n: _png(4, 16, _side(n)), pruning.PIXEL_LIMIT),
    "picture: RGB of 16 bits": Reader(_picture, lambda n: _png(2, 16, _side(n)), pruning.PIXEL_LIMIT),
    "picture: a palette with alpha": Reader(_picture, lambda n: _png(3, 8, _side(n)), pruning.PIXEL_LIMIT),
    "picture: interlaced single bits": Reader(_picture, lambda n: _png(0, 1, _side(n), 1), pruning.PIXEL_LIMIT),
    "picture: many chunks": Reader(_picture, lambda n: _png(6, 16, _side(n), 0, 40), pruning.PIXEL_LIMIT),
    "picture: a progressive JPEG": Reader(_picture, lambda n: _jpeg(_side(n)), pruning.PIXEL_LIMIT),
    "picture: a CMYK JPEG": Reader(_picture, lambda n: _jpeg(_side(n), "CMYK"), pruning.PIXEL_LIMIT),
    "picture: a JPEG with many scans": Reader(_picture, lambda n: _scans(_jpeg(_side(n)), 10), pruning.PIXEL_LIMIT),
    "picture: an endless sliver": Reader(_picture, lambda n: _sliver(n), pruning.PIXEL_LIMIT),
    # What staff upload.
    "gradebook": Reader(_gradebook, lambda n: b"Student,ID\n" + b"a,1\n" * n, 499_000),
    "gradebook: separated by tabs": Reader(_gradebook, lambda n: b"Student\tID\n" + b"a\t1\n" * n, 2_000_000),
    "gradebook: a workbook": Reader(_gradebook, lambda n: b"PK\x03\x04" + b'a"b' * n, 2_700_000),
    "gradebook: quotes": Reader(_gradebook, lambda n: b'"' + b'""' * n, 4_000_000),
    "gradebook: quotes that break": Reader(_gradebook, lambda n: b'a"b"' * n, 2_000_000),
    "gradebook: wide": Reader(
        lambda data: _refused(lambda: canvas.fill(data, [], ["x"], 4.0)),
        lambda n: b"Student,ID," + b"a (1)," * n + b"\n",
        900_000,
    ),
    "roster": Reader(roster.read, lambda n: "login,name\n" + _lines("a{0},b\n", n), 80_000),
    "roster: rejected": Reader(roster.read, lambda n: "login,name\n" + "a,b\n" * n, 260_000),
    "roster: cells": Reader(roster.read, lambda n: "login,name\na,b" + "," * n, _MILLION),
    "roster: wide": Reader(roster.read, lambda n: "login,name" + "," * n + "\n" + "a,b\n" * n, 200_000),
    # What pages show of uploads.
    "shown: colours of quotes": Reader(_coloured, lambda n: "'" * n, 100_000),
    "shown: colours of names": Reader(_coloured, lambda n: "a." * n, 50_000),
    "shown: colours of f-strings": Reader(_coloured, lambda n: "f'{" * n, 33_000),
    "shown: colours of brackets": Reader(_coloured, lambda n: "(" * n, 100_000),
    "shown: colours of backslashes": Reader(_coloured, lambda n: "'" + "\\" * n, 99_000),
    "shown: colours of imports": Reader(_coloured, lambda n: "from a import " + "b," * n, 49_000),
    "shown: colours of spaces": Reader(_coloured, lambda n: " " * n + "x", 99_000),
    "shown: lines": Reader(lambda text: source.to_html(PartKind.TEXT, text), lambda n: "\n" * n, 1_000_000),
    "fingerprints": Reader(fingerprints.fingerprints, lambda n: "a+" * n, 50_000),
    "fingerprints: quotes": Reader(fingerprints.fingerprints, lambda n: "'''" * n, 33_000),
    "compared: equal lines": Reader(_compare, lambda n: ("a\n" * n, "b\na\n" * (n // 2)), 5_000),
    "compared: moved lines": Reader(
        _compare, lambda n: (_lines("{0}\n", n), "".join(f"{k}\n" for k in reversed(range(n)))), 5_000
    ),
    "compared: few kinds of lines": Reader(
        _compare, lambda n: ("a\nb\nc\n" * (n // 3), "c\na\na\nb\n" * (n // 4)), 5_000
    ),
}


def _refused(read: Callable[[], object]) -> object:
    try:
        return read()
    except ValueError as error:
        return error


def _sliver(pixels: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGBA", (pixels // 50, 50)).save(written, "PNG")
    return written.getvalue()


def growth(reader: Reader, share: float = 1.0) -> Growth:
    """Measure a reader at a share of its largest size, and at half of that."""
    size = int(reader.size * share)
    half, _ = _measured(reader, size // 2)
    full, megabytes = _measured(reader, size)
    return Growth(half, full, megabytes)


def check(name: str, share: float = 1.0, tries: int = 5) -> None:
    """Raises ``AssertionError`` unless the reader is nearly linear: a ratio of 3, or a time of no account.

    A busy machine only adds to a time. So the least of a few at full size is compared with the middle at half size.
    """
    halves: list[float] = []
    fulls: list[float] = []
    for _ in range(tries):
        measured = growth(READERS[name], share)
        halves.append(measured.half)
        fulls.append(measured.full)
        if min(fulls) <= max(MOST_RATIO * statistics.median(halves), NO_SECONDS):
            return
    raise AssertionError(f"{name}: {halves}, {fulls}")


def _measured(reader: Reader, size: int) -> tuple[float, float]:
    """Processor seconds and MB of one reading, in a fork."""
    content = reader.make(size)
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of a fork beside other threads; the reader needs none of their locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        gc.freeze()  # or a collection goes through all objects of the parent, and only the larger size may begin one
        before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        reader.read(content)
        seconds = time.process_time() - begin
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(write, json.dumps([seconds, (after - before) / 1024]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    seconds, megabytes = json.loads(text or "[1e9, 1e9]")
    return seconds, megabytes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    options = parser.parse_args()
    chosen = options.names
    for name, reader in READERS.items():
        if not chosen or any(part in name for part in chosen):
            found = growth(reader, options.share)
            print(f"{name:50} {found.half:7.2f} s {found.full:7.2f} s {found.ratio:6.2f} {found.megabytes:7.0f} MB")
            sys.stdout.flush()
