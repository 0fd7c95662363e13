"""Selection runs what an entry point needs, drops what would fail or run for hours, and names what is missing."""

from __future__ import annotations

import ast

import pytest

from grader.intake import defined_names, effects
from tests.unit.intake.paste import LOSS, MODEL, code_lines, note_ids, read_text, source_of


def selected_lines(text: str, entry: str = "get_student_model") -> list[str]:
    return code_lines(source_of(text, entry))


def missing_names_in(text: str, entry: str = "get_student_model") -> list[str]:
    return [missing.name for missing in read_text(text, entry).missing_names]


GET = "def get_student_model():\n    return {}\n"


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("width = compute()\n", "width"),
        ("width, height = 1, compute()\n", "height"),
        ("cfg = {}\ncfg['width'] = compute()\n", "cfg['width']"),
        ("sizes = []\nsizes.append(compute())\n", "sizes"),
        ("class Net:\n    pass\nNet.width = compute()\n", "Net()"),
        ("if compute():\n    width = 1\nelse:\n    width = 2\n", "width"),
        ("try:\n    width = compute()\nexcept OSError:\n    width = 2\n", "width"),
        ("for width in range(compute()):\n    pass\n", "width"),
        ("sizes = []\nfor i in range(3):\n    sizes.append(8 * 2 ** i)\n", "sizes"),
        ("sizes = {}\nfor name in 'ab':\n    sizes[name] = compute()\n", "sizes"),
        ("width = 1\nwhile width < 16:\n    width += 4\n", "width"),
        ("cfg = {}\nif torch.cuda.is_available():\n    cfg['width'] = 8\n", "cfg"),
        ("layers = []\nfor _ in range(2):\n    layers.append(nn.Linear(8, 8))\n", "layers"),
        ("class Net:\n    pass\nsetattr(Net, 'width', compute())\n", "Net"),
        ("base = compute()\nwidth = base * 2\n", "width"),
        ("base = compute()\ndef inner(x=base):\n    return x\n", "inner()"),
        ("base = compute()\n@base.register\ndef inner():\n    pass\n", "inner()"),
        ("base = compute()\nmake = lambda: base\n", "make()"),
        ("import numpy.linalg as la\n", "la.norm"),
    ],
)
def test_values_that_the_entry_point_needs_run(before: str, value: str) -> None:
    text = "def compute():\n    return 1\n" + before + GET.format(value)
    assert selected_lines(text) == code_lines(text)


@pytest.mark.parametrize(
    "line",
    [
        "model = get_student_model()",
        "summary(get_student_model(), (3, 224, 224))",
        "student = get_student_model().cuda()\nstudent.load_state_dict(torch.load('w.ckpt'))",
        "for x in loader:\n    train(x)",
        "while True:\n    pass",
        "with open('x') as f:\n    text = f.read()",
        "if __name__ == '__main__':\n    train()",
        "gdown.download('https://x', 'y')",
        "assert False",
        "del student",
        "raise SystemExit",
        "try:\n    from torchsummary import summary\nexcept ImportError:\n    raise",
    ],
)
def test_training_and_failing_statements_are_dropped(line: str) -> None:
    assert selected_lines(f"{line}\n{MODEL}{line}\n") == code_lines(MODEL)


def test_statement_on_a_shared_line_is_dropped_alone() -> None:
    assert selected_lines("import tqdm; width = 3\n" + GET.format("width"))[0].endswith("; width = 3")


@pytest.mark.parametrize(
    "line",
    [
        "import torchsummary",
        "from torchsummary import summary",
        "from tqdm.auto import tqdm",
        "import matplotlib.pyplot as plt",
        "from google.colab import drive",
        "import timm, gdown",
        "from .model import StudentNet",
        "from my_utils import *",
        "from torch.utils.tensorboard import SummaryWriter",
    ],
)
def test_unneeded_import_of_a_missing_module_is_dropped(line: str) -> None:
    result = read_text(f"{line}\n{MODEL}def plot():\n    plt.plot(tqdm, timm)\n")
    assert result.source is not None
    assert line not in result.source
    assert "intake.import_dropped" in note_ids(result)
    assert result.missing_names == ()


def test_needed_import_of_a_missing_module_stays_and_is_noted() -> None:
    result = read_text("import timm\n" + GET.format("timm.create_model('x')"))
    assert result.source is not None
    assert "import timm" in result.source
    note = next(note for note in result.notes if note.id == "intake.module_unavailable")
    assert note.params == {"module": "timm", "line": 1, "name": "timm"}


def test_import_of_several_modules_loses_only_the_missing_ones() -> None:
    assert selected_lines("import math, tqdm, os\n" + GET.format("math.pi"))[0] == "import math, os"


def test_own_definition_replaces_the_import_of_a_missing_file() -> None:
    source = source_of("from model import StudentNet\n" + MODEL)
    assert "from model" not in source


def test_definition_whose_header_cannot_run_is_dropped_unless_needed() -> None:
    text = "class Data(Dataset):\n    pass\n@track\ndef run(x=transform):\n    pass\n"
    assert selected_lines(text + MODEL) == code_lines(MODEL)
    assert missing_names_in(text + GET.format("Data()")) == ["Dataset"]


@pytest.mark.parametrize(
    "header",
    [
        "def loss_fn_kd(x, alpha=cfg['alpha']):\n    pass\n",
        "@track()\ndef loss_fn_kd(x):\n    pass\n",
        "class Data(make()):\n    pass\n",
        "class Data:\n    size = len(cfg)\n",
        "class Data:\n    def get(self, size=cfg['size']):\n        pass\n",
    ],
)
def test_unneeded_definition_that_may_fail_is_dropped(header: str) -> None:
    before = "cfg = {}\n"
    assert selected_lines(before + header + MODEL) == code_lines(before + MODEL)


def test_definition_that_cannot_fail_runs_beside_the_needed_ones() -> None:
    other = (
        "class Data:\n    size = 3\n    name: str = 'x'\n    def get(self, x: Optional[int] = None):\n        f(x)\n"
    )
    text = "from typing import Optional\n" + other + MODEL
    assert selected_lines(text) == code_lines(text)


def test_model_paste_may_hold_the_loss_too() -> None:
    assert {"get_student_model", "loss_fn_kd"} <= defined_names("\n".join([read_text(LOSS + MODEL).source or ""]))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (GET.format("deepwise_pointwise_conv(3, 4)"), [("deepwise_pointwise_conv", 2)]),
        (GET.format("[make(i) for i in range(3)]"), [("make", 2)]),
        ("class Net(Base):\n    def forward(self, x):\n        return swish(x)\n" + GET.format("Net()"),
         [("Base", 1), ("swish", 3)]),
        ("width = base * 2\n" + GET.format("width"), [("base", 1)]),
        (GET.format("[x for x in layers(x=1)]"), [("layers", 2)]),
        ("class Net:\n    a = 3\n    def size(self):\n        return a\n" + GET.format("Net()"), [("a", 4)]),
    ],
)  # fmt: skip
def test_missing_names_have_their_line(text: str, names: list[tuple[str, int]]) -> None:
    assert [(missing.name, missing.line) for missing in read_text(text).missing_names] == names


@pytest.mark.parametrize(
    "text",
    [
        GET.format("dwpw_conv(3, 4, 3), nn.ReLU(), F.relu, torch, np, math, cfg['x'], models.resnet18"),
        GET.format("[a + b for a in '' if a for b in a], {k: v for k, v in {}}, (c for c in '')"),
        GET.format("(lambda a, *b, c=1, **d: (a, b, c, d))"),
        GET.format("(total := 3) + total"),
        GET.format("__name__, __file__, print, NotImplementedError, __builtins__"),
        "def get_student_model():\n    global net\n    net = 1\n    return net\n",
        "def get_student_model():\n    try:\n        return maybe\n    except NameError:\n        return 1\n",
        "def get_student_model():\n    try:\n        import timm\n    except ImportError as e:\n        print(e)\n",
        "def get_student_model():\n    x = 1\n    def f():\n        nonlocal x\n        x = 2\n    return f\n",
        "def get_student_model():\n    x: Unknown = 1\n    return x\n",
        "def get_student_model():\n    with open('x') as f, open('y') as (g, h):\n        return f, g, h\n",
        "def get_student_model():\n    for i, (j, *k) in []:\n        print(i, j, k)\n",
        "def get_student_model(x):\n    match x:\n        case {'a': a, **rest}:\n            return a, rest\n"
        "        case [b, *c] | (b, c):\n            return b, c\n        case str() as d:\n            return d\n",
        "class Net:\n    a = 1\n    b = a\n    def f(self):\n        return __class__, self\n" + GET.format("Net()"),
        "from torch.nn import *\n" + GET.format("Linear(1, 2)"),
        "globals()['helper'] = print\n" + GET.format("globals()['helper'] and helper()"),
        "def get_student_model():\n    return later()\ndef later():\n    return 1\n",
        "def unused():\n    return nowhere()\n" + GET.format("1"),
        "import os.path as p\nimport xml.dom\n" + GET.format("p, xml"),
        "def outer():\n    global late\n    late = 1\n" + GET.format("late"),
    ],
)  # fmt: skip
def test_defined_names_are_not_missing(text: str) -> None:
    assert missing_names_in(text) == []


def test_unknown_type_hints_are_ignored() -> None:
    text = "def get_student_model(x: Optional[Tensor] = None, *args: Any) -> Union[\n    Tensor, None]:\n    return x\n"
    result = read_text(text)
    assert result.missing_names == ()
    assert "intake.hints_ignored" in note_ids(result)
    assert result.source is not None
    assert result.source.count("\n") == text.count("\n")
    space: dict[str, object] = {}
    exec(result.source, space)
    assert "get_student_model" in space


def test_type_hints_of_a_missing_package_are_ignored() -> None:
    text = (
        "import jaxtyping as jt\nfrom beartype import beartype as checked, door\n"
        'def get_student_model(x: jt.Float[object, "b c"] = None, y: door = 1) -> jt.Int:\n    return x\n'
    )
    result = read_text(text)
    assert result.source is not None
    exec(result.source, {})
    assert {"intake.hints_ignored", "intake.import_dropped"} <= {*note_ids(result)}
    used = read_text(text.replace("return x", "return jt.check(x)"))
    assert "intake.module_unavailable" in note_ids(used)


def test_hints_that_python_never_evaluates_stay() -> None:
    text = "def get_student_model():\n    net: Module = 1\n    return net\n"
    result = read_text(text)
    assert result.source == text
    assert result.notes == ()


def test_training_loop_that_reuses_a_needed_name_is_dropped() -> None:
    loop = "for width in train():\n    pass\n"
    assert selected_lines("width = 3\n" + loop + GET.format("width")) == code_lines("width = 3\n" + GET.format("width"))


@pytest.mark.parametrize(
    "loop",
    [
        "for epoch in range(3):\n    history.append(train_one_epoch(loader))\n",
        "for epoch in range(3):\n    history['x'] = torch.load('x.ckpt')\n",
        "with open('x') as f:\n    history.append(1)\n",
        "while True:\n    history.append(optimizer.step())\n",
    ],
)
def test_training_loop_that_fills_a_needed_list_is_dropped(loop: str) -> None:
    assert selected_lines("history = []\n" + loop + GET.format("history")) == code_lines(
        "history = []\n" + GET.format("history")
    )


def test_known_type_hints_stay() -> None:
    text = "from typing import Optional\ndef get_student_model(x: Optional[int] = None) -> int:\n    return 1\n"
    assert read_text(text).source == text


def test_entry_point_may_be_a_class_or_a_value() -> None:
    text = "class Loss:\n    def __call__(self):\n        return 1\nloss_fn_kd = Loss()\n"
    assert selected_lines(text, "loss_fn_kd") == code_lines(text)


def test_without_the_entry_point_only_definitions_run() -> None:
    source = source_of("import timm\nclass Net:\n    pass\nnet = Net()\n")
    assert code_lines(source) == ["class Net:", "pass"]


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("width = 64\nwhile sum(p.numel() for p in make(width).parameters()) > 1000:\n    width -= 8\n", "width"),
        ("best = 4\nfor w in range(8, 64, 8):\n    if make(w).weight.numel() < 99:\n        best = w\n", "best"),
        ("net = make(3)\ndef shrink(m):\n    m.features[3] = nn.Identity()\nshrink(net)\n", "net"),
        ("net = make(3)\ndef add(m, n):\n    m.append(n)\ndef add_two(m):\n    add(m, 1)\nadd_two(net)\n", "net"),
        ("net = make(3)\ndef cut(m):\n    layers = m.features\n    layers[0] = 1\nnet2 = cut(net)\n", "net"),
        ("net = make(3)\nlayers = net.features\nlayers[0] = nn.Identity()\n", "net"),
        ("net = make(3)\nfor layer in net.modules():\n    layer.momentum = 0.1\n", "net"),
        ("net = make(3)\nnn.init.zeros_(net.fc.bias)\n", "net"),
        ("net = make(3)\nwith torch.no_grad():\n    net.fc.bias.fill_(0)\n", "net"),
        ("net = nn.Sequential()\nnet.append(make(3)).append(nn.Flatten())\n", "net"),
        ("net = make(3)\nnet.register_buffer('mean', torch.zeros(3))\n", "net"),
        ("net = make(3)\nif net.fc:\n    net.build(16)\n", "net"),
        ("import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--w', default=3)\n"
         "args = parser.parse_args()\n", "args.w"),
        ("W = None\ndef set_w(w):\n    global W\n    W = w\ndef setup():\n    set_w(16)\nsetup()\n", "W"),
        ("class Net:\n    @classmethod\n    def configure(cls, w):\n        setattr(cls, 'w', w)\n"
         "Net.configure(w=3)\n", "Net()"),
        ("class Base:\n    every = {}\n    def __init_subclass__(cls):\n        Base.every['x'] = cls\n"
         "class Mid(Base):\n    pass\nclass Net(Mid):\n    width = make(3)\n", "Base.every['x']()"),
        ("class Base:\n    pass\nclass Net(Base):\n    width = make(3)\n", "Base.__subclasses__()"),
        ("class Meta(type):\n    pass\nclass Base(metaclass=Meta):\n    pass\n"
         "class Net(Base):\n    width = make(3)\n", "Base"),
        ("from functools import singledispatch\n@singledispatch\ndef build(x):\n    pass\n@build.register(int)\n"
         "def _(x):\n    return make(x)\n", "build(3)"),
        ("class Registry:\n    def add(self, f):\n        self.f = f\n        return f\nR = Registry()\n@R.add\n"
         "def inner():\n    pass\n", "R.f()"),
        ("class Net:\n    width = make(3)\n", "globals()['Net']()"),
        ("hp = dict(width=make(3))\nglobals().update(hp)\n", "width"),
        ("hp = dict(width=make(3))\nfor k, v in hp.items():\n    globals()[k] = v\n", "width"),
        ("cfg.update({'width': make(3)})\n", "cfg['width']"),
    ],
)  # fmt: skip
def test_statements_that_build_the_model_or_its_configuration_run(before: str, value: str) -> None:
    text = "def make(w):\n    return nn.Linear(w, w)\n" + before + GET.format(value)
    assert selected_lines(text) == code_lines(text)


TRAINED = "net = nn.Sequential()\ntarget = 3\n"


@pytest.mark.parametrize(
    "line",
    [
        "net.train()",
        "net.to(device)",
        "net.load_state_dict(torch.load('w.pt'))",
        "print(net)",
        "summary(net, (3, 224, 224))",
        "torch.save(net, 'w.pt')",
        "torch.onnx.export(net, torch.zeros(1), 'x.onnx')",
        "out = net(torch.zeros(1))",
        "optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)",
        "scores = train(net, loader)",
        "def accuracy(model):\n    model.eval()\n    return model(1)\nprint(accuracy(net))",
        "for x in loader:\n    loss = net(x)\n    loss.backward()",
        "from torchsummary import summary\nsummary(net)",
        "import wandb\nwandb.watch(net)\nwandb.init(project='x')",
    ],
)
def test_statements_that_do_not_change_the_model_are_dropped_without_a_note(line: str) -> None:
    result = read_text(TRAINED + line + "\n" + GET.format("net"))
    assert result.source is not None
    assert line.split("\n")[-1] not in result.source
    assert not note_ids(result) & {"intake.change_dropped", "intake.training_dropped"}


@pytest.mark.parametrize(
    ("line", "note_id"),
    [
        ("shrink(net)", "intake.change_dropped"),
        ("net.build(torch.load('block.pt'))", "intake.change_dropped"),
        ("import timm\nfor name in timm.list_models():\n    net.append(timm.create(name))", "intake.change_dropped"),
        ("for x in loader:\n    net.grow(x)\n    net.loss(x).backward()", "intake.training_dropped"),
        ("def run(m):\n    m.fc = 1\n    m.loss().backward()\nrun(net)", "intake.training_dropped"),
        ("loader = DataLoader(1)\nfor x in loader:\n    net.grow(x)", "intake.training_dropped"),
        ("if __name__ == '__main__':\n    net.append(nn.ReLU())", "intake.training_dropped"),
    ],
)
def test_dropped_change_is_noted_with_its_line(line: str, note_id: str) -> None:
    result = read_text(TRAINED + line + "\n" + GET.format("net"))
    note = next(note for note in result.notes if note.id == note_id)
    assert note.params["count"] == 1
    others: list[int] = next((note.params["lines"] for note in result.notes if note.id == "intake.dropped"), [])
    assert not set(others) & set(note.params["lines"])


def test_conservative_selection_drops_speculative_changes() -> None:
    log = "import logging\nlogger = logging.getLogger()\nlogger.addFilter(make())\n"
    text = "def make():\n    return open('x')\nsizes = []\nsizes.append(3)\n" + log.replace(
        "make()", "logging.Filter()"
    )
    result = read_text(text + GET.format("logger, sizes"))
    assert result.conservative is not None
    assert result.conservative.source is not None
    assert "logger.addFilter" in (result.source or "")
    assert "logger.addFilter" not in result.conservative.source
    assert "sizes.append(3)" in result.conservative.source
    assert "intake.change_dropped" in note_ids(result.conservative)
    assert read_text(MODEL).conservative is None


def test_only_the_last_functions_of_one_name_count() -> None:
    nodes = ast.parse("def f(x): x.y = 1\n" * (2 * effects.SAME_NAME_LIMIT)).body
    statement_effects = effects.Effects(nodes, frozenset(), frozenset())
    call = ast.parse("f(a)", mode="eval").body
    assert isinstance(call, ast.Call)
    assert statement_effects.functions_called(call) == nodes[-effects.SAME_NAME_LIMIT :]


def test_change_reaches_its_own_names_and_a_limited_number_of_aliases() -> None:
    chain = {f"a{number}": {f"a{number + 1}"} for number in range(3 * effects.ALIAS_LIMIT)}
    assert len(effects.with_aliases({"a0"}, chain)) == 1 + effects.ALIAS_LIMIT
    assert effects.with_aliases({"a0"}, {"a0": {"b"}, "b": {"a0", "c"}}) == {"a0", "b", "c"}
    assert set(chain) == effects.with_aliases(set(chain), {})


def test_training_is_recognised_in_every_one_of_many_functions() -> None:
    numbers = range(2 * effects.DEPTH_LIMIT)
    many = "".join(f"def make_{n}():\n    return {n}\n" for n in numbers)
    sizes = "sizes = []\n" + "".join(f"sizes.append(make_{n}())\n" for n in numbers)
    learn = "def learn():\n    return optimizer.step()\n"
    whole = many + learn + sizes + GET.format("sizes")
    assert selected_lines(many + learn + sizes + "sizes.append(learn())\n" + GET.format("sizes")) == code_lines(whole)


def test_definition_that_a_later_one_replaces_needs_nothing() -> None:
    template = "def get_student_model():\n    return net\nfor net in loader:\n    train(net)\n"
    text = template + GET.format("1")
    assert missing_names_in(text) == []
    assert selected_lines(text)[-2:] == code_lines(GET.format("1"))


def test_replaced_definition_that_a_statement_has_used_still_runs() -> None:
    text = "def make():\n    return base\nbase = 3\nwidth = make()\ndef make():\n    return 4\n" + GET.format(
        "width, make()"
    )
    assert selected_lines(text) == code_lines(text)


def test_replaced_definition_that_only_another_function_names_needs_nothing() -> None:
    text = "def make():\n    return missing\ndef use():\n    return make()\ndef make():\n    return 4\n"
    assert missing_names_in(text + GET.format("use()")) == []


def test_skipped_imports_are_one_note() -> None:
    result = read_text("import tqdm\nimport pandas as pd, wandb\nfrom tqdm import trange\n" + MODEL)
    (note,) = (note for note in result.notes if note.id == "intake.import_dropped")
    assert note.params == {"module": ["tqdm", "pandas", "wandb"], "line": 1}
