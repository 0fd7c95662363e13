"""A broken statement costs only the questions that need it."""

from __future__ import annotations

import pytest

from grader import intake
from grader.intake import fragments, syntax
from tests.unit.intake.paste import LOSS, MODEL, definition, note_ids, notebook, read_text

ENTRY = "get_student_model"
NET = """\
import torch
import torch.nn as nn

width = 8
layers = [nn.Conv2d(3, width, 3)]


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = layers[0]

    def forward(self, x):
        return self.cnn(x)


def helper(net):
    return net


def get_student_model():
    return helper(StudentNet())
"""
UNNEEDED = {
    "a missing colon in a class": "class FoodDataset(Dataset)\n    def __init__(self, path):\n        pass\n",
    "a missing colon in a loop": "for epoch in range(3)\n    loss = loss_fn(model(x), y)\n",
    "a missing colon, and a body that ends in brackets": "if training\n    print(model(\n        x))\n",
    "a function that ends in its header": "def train(model, loader\n",
    "an unfinished header with a body": "def train(model, loader\n    for x in loader:\n        pass\n    return 1\n",
    "a header and nothing": "def train(model):\n",
    "an open bracket in a function": "def train(model):\n    model(x, (y\n    return model\n",
    "an open bracket in a call": "optimizer = torch.optim.Adam(student.parameters(), lr=1e-3\n",
    "an open bracket that only shows": "print('parameters', sum(p.numel() for p in net.parameters())\n",
    "an open dictionary over lines": "settings = {\n    'lr': 1e-3,\n    'epochs': 3\n",
    "a bracket too many": "print(len([1, 2])))\n",
    "a misspelt return": "def accuracy(a, b):\n    retrun (a == b).mean()\n    retrun a\n",
    "a wrong indentation in a class": "class FoodDataset:\n    def __init__(self):\n        x = 1\n      y = 2\n",
    "a missing indentation": "def train(model):\npass\n",
    "an open string": "def plot(title):\n    print('done)\n    return 1\n",
    "an open string in a call": "plt.title('curve)\n",
    "an open docstring": 'def train(model):\n    """Train it.\n    for x in loader:\n        pass\n',
    "a stray word": "asdf qwer\n",
    "a sentence": "This is my final answer, thanks.\n",
    "a stray keyword": "else\n",
    "an import that is misspelt": "form tqdm import tqdm\n",
    "an unfinished import": "from tqdm import\n",
    "a comma that is missing in a list": "names = ['bread' 'dairy', 3 4]\n",
    "an assignment to a call": "len(x) = 3\n",
    "two names for one parameter": "def train(model, model):\n    return model\n",
    "a break outside of a loop": "def train(model):\n    break\n",
    "a nonlocal that nothing binds": "def train(model):\n    nonlocal best\n",
    "a Python 2 print": "print 'done'\n",
    "a decorated function that is broken": "@torch.no_grad()\ndef evaluate(model, loader)\n    return 1\n",
    "an assignment that a walrus should be": "while (x := 3:\n    pass\n",
    "marks of a conflict in something else": (
        "<<<<<<< HEAD\ndef train(model):\n    return 1\n=======\ndef train(model):\n    return 2\n>>>>>>> other\n"
    ),
}
CHANGING = {
    "a value that is bound anew": "width = (16\n",
    "a value that is counted up": "width += 8 8\n",
    "an entry of a list": "layers[0] = nn.Conv2d(3, 9, 3\n",
    "a method of a list": "layers.insert(0, nn.Conv2d(3, 9, 3)\n",
    "a list that is passed on": "change(layers, 3\n",
    "an attribute of a class": "StudentNet.forward = lambda self, x: x +\n",
    "setattr": "setattr(StudentNet, 'forward', other\n",
    "a loop that binds": "for width in [8, 16]\n    pass\n",
    "a branch that binds": "if True\n    width = 16\n",
    "a function that declares a global": "def widen():\n    global width\n    width = (16\n",
    "the class again": "class StudentNet(nn.Module)\n    def forward(self, x):\n        return x\n",
    "the entry point again": "def get_student_model()\n    return None\n",
    "a helper again": "def helper(net:\n    return None\n",
    "two names at once": "depth, width = 3, (16\n",
    "a conflict about the class": (
        "<<<<<<< HEAD\nclass StudentNet(nn.Module):\n    a = 1\n"
        "=======\nclass StudentNet(nn.Module):\n    a = 2\n>>>>>>> b\n"
    ),
}
NEEDED = {
    "the class": ("class StudentNet(nn.Module):", "class StudentNet(nn.Module)"),
    "a comma in the class": ("self.cnn = layers[0]", "self.cnn = [layers[0] layers[0]]"),
    "the entry point": ("def get_student_model():", "def get_student_model()"),
    "a helper": ("def helper(net):", "def helper(net)"),
    "a value": ("width = 8", "width = (8"),
    "a list": ("layers = [nn.Conv2d(3, width, 3)]", "layers = [nn.Conv2d(3, width, 3)"),
    "the body of the entry point": ("    return helper(StudentNet())", "    return helper(StudentNet()"),
    "a line at the margin in the entry point": (
        "    return helper(StudentNet())",
        "    net = StudentNet()\nprint(net)\n    return helper(net)",
    ),
    "a conflict in the entry point": (
        "    return helper(StudentNet())",
        "    x = 1\n<<<<<<< HEAD\n    return helper(StudentNet())\n=======\n    return None\n>>>>>>> other",
    ),
}


@pytest.mark.parametrize("broken", UNNEEDED.values(), ids=UNNEEDED)
@pytest.mark.parametrize("place", ["before", "between", "behind", "a cell"])
def test_unneeded_broken_statement_is_a_note(broken: str, place: str) -> None:
    above, below = NET.split("def helper(net):")
    below = "def helper(net):" + below
    texts = {
        "before": f"{broken}\n{NET}",
        "between": f"{above}\n{broken}\n\n{below}",
        "behind": f"{NET}\n\n{broken}",
        "a cell": notebook(above, broken, below),
    }
    result = read_text(texts[place])
    assert result.error is None
    assert result.source is not None
    for name in ("StudentNet", "helper", "get_student_model"):
        assert definition(result.source, name) == definition(NET, name)
    assert "intake.broken_change" not in note_ids(result)
    assert not result.is_damaged


@pytest.mark.parametrize("broken", CHANGING.values(), ids=CHANGING)
@pytest.mark.parametrize("in_cells", [False, True])
def test_broken_statement_that_may_change_a_needed_name_is_for_review(broken: str, in_cells: bool) -> None:
    result = read_text(notebook(NET, broken) if in_cells else f"{NET}\n\n{broken}")
    assert result.source is not None
    assert "intake.broken_change" in note_ids(result)
    assert "intake.broken_change" in intake.DROPPED_CHANGES


@pytest.mark.parametrize(("right", "wrong"), NEEDED.values(), ids=NEEDED)
@pytest.mark.parametrize("in_cells", [False, True])
def test_needed_broken_statement_is_the_error(right: str, wrong: str, in_cells: bool) -> None:
    text = NET.replace(right, wrong)
    result = read_text(notebook(text, LOSS) if in_cells else f"{text}\n\n{LOSS}")
    assert result.source is None
    assert result.error is not None
    other = read_text(notebook(text, LOSS) if in_cells else f"{text}\n\n{LOSS}", "loss_fn_kd")
    assert other.error is None
    assert "loss_fn_kd" in intake.defined_names(other.source or "")


@pytest.mark.parametrize(
    ("entry", "broken", "is_told"),
    [
        ("k_means_quantize", "def fine_grained_prune(tensor)\n    return tensor\n", False),
        ("k_means_quantize", "def fine_grained_prune(tensor):\n    retrun tensor\n", False),
        ("fine_grained_prune", "def fine_grained_prune(tensor)\n    return tensor\n", True),
        ("fine_grained_prune", "def fine_graind_prune(tensor)\n    return tensor\n", True),
        ("fine_grained_prune", "def fine grained prune(tensor):\n    return tensor\n", True),
    ],
)
def test_broken_function_of_another_question_is_not_why_one_is_missing(entry: str, broken: str, is_told: bool) -> None:
    result = read_text(f"{broken}\n\n{LOSS}", entry)
    assert (result.error is not None) is is_told
    assert ("intake.broken_unneeded" in note_ids(result)) is not is_told


def test_note_has_the_line_and_the_message_of_python() -> None:
    result = read_text(NET + "\n\nclass FoodDataset(Dataset)\n    pass\n\nset = FoodDataset('x')\n")
    (note,) = (note for note in result.notes if note.id == "intake.broken_unneeded")
    line = NET.count("\n") + 3
    assert note.params == {"line": line, "source": "class FoodDataset(Dataset)", "message": "expected ':'"}
    assert (line, intake.DropKind.CELL, "class FoodDataset(Dataset)", None) in result.dropped_pieces


def test_later_definition_replaces_an_earlier_broken_one() -> None:
    result = read_text("width = (4\n\ndef helper(:\n    pass\n\n" + NET)
    assert result.error is None
    assert "intake.broken_change" not in note_ids(result)


def test_long_strings_and_brackets_over_the_margin_stay_whole() -> None:
    text = 'TEXT = """\ndef get_student_model():\n    return 1\n"""\nlayers = [\n3,\n4,\n]\n'
    text += 'CALL = dict(a="""\nx\n""", b=(\n1,\n))\n'
    pieces = fragments.split(text + "broken(\n", syntax.grammar_error)
    assert pieces is not None
    assert pieces.text.strip() == text.strip()


def test_unclosed_long_string_makes_later_lines_ambiguous() -> None:
    result = read_text(NET + "\n'''\ndef get_student_model():\n    return StudentNet()\n")
    assert result.source is None or "intake.broken_change" in note_ids(result)
    result = read_text(NET + "\n'''\ndef plot():\n    return 1\n")
    assert result.error is None
    assert "intake.broken_change" not in note_ids(result)


def test_damaged_paste_with_a_broken_statement_is_still_damage() -> None:
    assert note_ids(read_text(MODEL.replace("__init__", " init ") + "\ndef broken(:\n    pass\n")) & {
        "code.damaged",
        "code.damaged_beyond_repair",
    }


@pytest.mark.parametrize(
    "line", ["a(", "x = 'a", "(((", "def f(:", '"""', "a b", "@", "a(b c\n)", "]", "if x", "  y", "a\\", '""" (']
)
def test_reading_is_linear_in_the_text(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    check = syntax.grammar_error

    def counting_check(text: str) -> object:
        lengths.append(len(text))
        return check(text)

    def work(copies: int) -> int:
        lengths.clear()
        fragments.split(f"{line}\n" * copies + NET, counting_check)  # type: ignore[arg-type]
        return sum(lengths)

    assert work(800) < 3 * work(400) + 10_000


@pytest.mark.parametrize(
    "line",
    [
        "kl = nn.KLDivLoss(reductio]n='batchmean')", "kl = nn.KLDivLoss reduction='batchmean')",
        "kl = nn.KLDivLoss(reduction=}'batchmean')", "net = get_student_model().to(device)=    prune_by(net)",
        "for ratio i{ ratios:\n    net = get_student_model()\n    prune_by(net)",
        "ce = F.cross_entropy)x, y, label_smoothing=0.1)",
        "opt = torch.optim.Adam params, lr=1e-3, betas=(0.9, 0.99))",
        "t = nn.Sequential(nn.ReLU(inplace=True)), nn.Tanh(x=1))",
        "print(nn.ReLU]inplace / 4.0, dim=1).sum(dim=1))",
    ],
)  # fmt: skip
def test_keyword_of_a_broken_call_is_no_target(line: str) -> None:
    imports = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F"
    result = read_text(notebook(imports, NET.split("\n", 2)[2], line))
    assert result.source is not None
    assert not {note.id for note in result.notes} & intake.REVIEW_FACTS, result.notes


def test_further_target_of_a_broken_assignment_may_change() -> None:
    result = read_text(notebook(NET, "width = StudentNet.forward = lambda x: (x"))
    assert "intake.broken_change" in {note.id for note in result.notes}
