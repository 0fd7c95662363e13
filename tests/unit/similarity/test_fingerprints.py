"""Passages are recognised under other names and layouts, and nothing else is."""

from __future__ import annotations

import re
import time

import pytest

from app.similarity.fingerprints import RUN, WINDOW, fingerprints, shared_lines
from grader.assignment import bundled

MODEL = '''class Net(nn.Module):
    """Mine."""

    def __init__(self, width=48):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.body = nn.ModuleList([dwpw_conv(width, width, 3) for _ in range(5)])
        self.head = nn.Linear(width, 11)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        for block in self.body:
            x = x + F.relu(block(x))
        return self.head(x.mean(dim=(2, 3)))
'''


def share(one: str, other: str) -> float:
    own = fingerprints(one).keys()
    return len(own & fingerprints(other).keys()) / len(own)


def test_other_names_comments_and_layout_hide_nothing() -> None:
    renamed = MODEL.replace("width", "c").replace("stem", "a").replace("body", "blocks").replace("Net", "Student")
    renamed = re.sub(r"\bx\b", "inputs", renamed).replace("block ", "layer ").replace("block(", "layer(")
    moved = renamed.replace("        self.norm", "        # the norm\n\n        self.norm").replace(
        "(3, c,", "(3,  c ,"
    )
    assert share(MODEL, moved.replace('"""Mine."""', '"""My own work, honestly."""')) == 1.0


def test_another_architecture_shares_little() -> None:
    other = bundled("hw13").files["starter.py"]
    assert share(MODEL, other) < 0.1
    assert share(MODEL, MODEL.replace("48", "32").replace("range(5)", "range(4)")) < 1.0


def test_a_shared_passage_is_found_wherever_it_stands() -> None:
    passage = "y = self.a(x) * 7 + torch.tanh(x) - F.gelu(x, approximate='tanh') ** 3 / 11\n"
    one = "import torch\n" * 20 + passage + "z = [1, 2, 3]\n" * 20
    other = "def f(): return {4: 5, 6: 7}\n" * 15 + passage + "while True: break\n" * 15
    shared = fingerprints(one).keys() & fingerprints(other).keys()
    assert shared_lines(fingerprints(one), shared) == {21}
    assert shared_lines(fingerprints(other), shared) == {16}


def test_passages_shorter_than_a_run_are_never_found() -> None:
    short = " ".join(str(number) for number in range(RUN - 1))
    assert fingerprints(short) == {}
    before, after = (" ".join(f"{sign}{number}" for number in range(100, 140)) for sign in ("1", "2"))
    assert not fingerprints(f"{before} {short}").keys() & fingerprints(f"{after} {short}").keys()


@pytest.mark.parametrize("shift", range(WINDOW))
def test_every_passage_of_a_run_and_a_window_is_found(shift: int) -> None:
    long = " ".join(str(number) for number in range(RUN + WINDOW - 1))
    one = " ".join(f"7{number}" for number in range(shift)) + " " + long + " 1.5 2.5 3.5"
    other = " ".join(f"8{number}" for number in range(9)) + " " + long
    assert fingerprints(one).keys() & fingerprints(other).keys()


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"\\' * 50_000,
        '\\"' * 50_000,
        '"""' * 40_000,
        "'''\"\"\"" * 20_000,
        "'" * 100_000,
        "\x00\ud800",
        "rb" * 50_000,
    ],
)
def test_hostile_text_is_read_in_one_go(text: str) -> None:
    begun = time.process_time()
    fingerprints(text)
    assert time.process_time() - begun < 30  # going over the text again and again would take hours
