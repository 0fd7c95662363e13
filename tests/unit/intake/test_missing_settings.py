"""A missing setting that decides what runs is named; one that only shows, or has a default, is not."""

from __future__ import annotations

import pytest

from grader.intake import notes_of_call
from tests.unit.intake.paste import note_ids, read_text

NET = "class Net(nn.Module):\n    def __init__(self, width=8):\n        super().__init__()\n"
BUILD = "def get_student_model():\n"
EITHER = BUILD + "    if {}:\n        return Net()\n    return Net(4)\n"
DECIDING = {
    "a key in a condition": (EITHER.format("cfg['wide']"), "cfg['wide']"),
    "an attribute in a condition": (
        BUILD + "    if args.wide:\n        return Net()\n    return Net(4)\n",
        "args.wide",
    ),
    "get": (BUILD + "    return Net() if config.get('wide') else Net(4)\n", "config.get('wide')"),
    "get with a default, in a branch": (
        BUILD + "    if cfg.get('wide', False):\n        return Net(9)\n    return Net()\n",
        "cfg.get('wide', False)",
    ),
    "a comparison": (BUILD + "    if cfg['kind'] == 'a':\n        return Net()\n", "cfg['kind']"),
    "the last of several branches": (
        BUILD + "    if True and not False and args.kind != 'b':\n        return Net()\n    return Net(2)\n",
        "args.kind",
    ),
    "a match": (BUILD + "    match cfg['kind']:\n        case 'a':\n            return Net()\n", "cfg['kind']"),
    "a while loop": (BUILD + "    while cfg['deeper']:\n        return Net(2)\n    return Net()\n", "cfg['deeper']"),
    "a filter of a comprehension": (BUILD + "    return [Net() for w in range(3) if args.all]\n", "args.all"),
    "an assertion": (BUILD + "    assert cfg['ok'] is None\n    return Net()\n", "cfg['ok']"),
    "a variable of the function": (
        BUILD + "    wide = args.wide\n    if wide:\n        return Net()\n    return Net(4)\n",
        "args.wide",
    ),
    "a variable of the module": (
        "wide = cfg['wide']\n" + BUILD + "    return Net() if wide else Net(4)\n",
        "cfg['wide']",
    ),
    "another name of the settings": (
        "hp = cfg\n" + BUILD + "    return Net() if hp['wide'] else Net(4)\n",
        "cfg['wide']",
    ),
    "an attribute of the model": (
        NET + "        self.wide = args.wide\n    def forward(self, x):\n        if self.wide:\n            x = x + 1\n"
        "        return x\n" + BUILD + "    return Net()\n",
        "args.wide",
    ),
    "the default of a parameter": (
        "def build(wide=args.wide):\n    return Net() if wide else Net(4)\n" + BUILD + "    return build()\n",
        "args.wide",
    ),
    "the settings as an argument": (
        "def build(options):\n    return Net() if options.wide else Net(4)\n" + BUILD + "    return build(args)\n",
        "args.wide",
    ),
    "a value as a named argument": (
        "def build(*, wide):\n    return Net() if wide else Net(4)\n" + BUILD + "    return build(wide=args.wide)\n",
        "args.wide",
    ),
    "a value in the constructor": (
        "class Net:\n    def __init__(self, wide):\n        self.x = 1 if wide else 2\n"
        + BUILD
        + "    return Net(cfg['wide'])\n",
        "cfg['wide']",
    ),
    "an argument of a library's layer": (BUILD + "    return nn.Conv2d(3, 8, 3, bias=cfg['bias'])\n", "cfg['bias']"),
    "the key of a table": (
        "NETS = {None: 1, 'a': 2}\n" + BUILD + "    return NETS[cfg['kind']]\n",
        "cfg['kind']",
    ),
    "the key of a table with a default": (
        "NETS = {'a': 2}\n" + BUILD + "    return NETS.get(cfg['kind'], 3)\n",
        "cfg['kind']",
    ),
    "a place of a pair": (BUILD + "    return (Net(), Net(4))[bool(args.wide)]\n", "args.wide"),
    "the returned value": (BUILD + "    return cfg['model']\n", "cfg['model']"),
    "a condition in a statement of the module": (
        "if args.wide:\n    width = 16\nelse:\n    width = 8\n" + BUILD + "    return Net(width)\n",
        "args.wide",
    ),
}
HARMLESS = {
    "a default": BUILD + "    return Net(cfg['width'] or 8)\n",
    "a default of get": BUILD + "    return Net(cfg.get('width', 8))\n",
    "a device": BUILD + "    return Net().to(cfg['device'])\n",
    "a print": BUILD + "    print(cfg['name'], args)\n    return Net()\n",
    "an f-string": BUILD + "    name = f\"{cfg['name']}.ckpt\"\n    return Net()\n",
    "a seed": BUILD + "    torch.manual_seed(cfg['seed'])\n    return Net()\n",
    "arithmetic, which raises": BUILD + "    return Net(cfg['width'] * 2)\n",
    "a value that nothing reads": BUILD + "    path = cfg['path']\n    return Net()\n",
    "a setting that the part sets": "cfg['wide'] = True\n" + BUILD + "    return Net() if cfg['wide'] else 0\n",
    "settings that the part fills": "cfg.update(wide=True)\n" + BUILD + "    return Net() if cfg['wide'] else 0\n",
    "settings that the part defines": "cfg = {'wide': 1}\n" + BUILD + "    return Net() if cfg['wide'] else 0\n",
    "a parameter of this name": BUILD
    + "    def build(cfg):\n        return cfg['a'] or 0\n    return build({'a': 1})\n",
    "a method that nothing calls": (
        NET + "    def fit(self):\n        if cfg['adam']:\n            pass\n" + BUILD + "    return Net()\n"
    ),
    "a function that nothing calls": "def fit():\n    return 1 if cfg['adam'] else 2\n" + BUILD + "    return Net()\n",
    "a print in a branch": BUILD + "    if cfg['debug']:\n        print('x')\n    return Net()\n",
    "a log in a branch": BUILD
    + "    if args.verbose:\n        logger.info('%s', args)\n    else:\n        pass\n    return Net()\n",
    "a seed in a branch": BUILD
    + "    if cfg['seed'] is not None:\n        torch.manual_seed(cfg['seed'])\n    return Net()\n",
    "a device in a branch": BUILD + "    net = Net()\n    if cfg['gpu']:\n        net = net.cuda()\n    return net\n",
    "a printed summary": BUILD
    + "    net = Net()\n    if args.show:\n        summary(net, (3, 8, 8))\n    return net\n",
    "a statement that nothing needs": "if cfg['kd']:\n    loss = 1\n" + BUILD + "    return Net()\n",
}
LOSS = "def get_student_model(student, y_a, y_b=None, lam=0, *, mode='kd'):\n"
BY_DEFAULT = {
    "and, first": LOSS + "    if cfg['mixup'] and y_b is not None:\n        return 1\n    return 2\n",
    "and, last": LOSS + "    if y_b is not None and lam > 0 and cfg['mixup']:\n        return 1\n    return 2\n",
    "or": LOSS + "    if y_b is None or not cfg['mixup']:\n        return 1\n    return 2\n",
    "an inner condition": LOSS
    + "    if y_b is not None:\n        if cfg['mixup']:\n            return 1\n    return 2\n",
    "a name for the condition": LOSS + "    mixed = cfg['mixup'] and y_b is not None\n    return 1 if mixed else 2\n",
    "the plain parameter": LOSS + "    return mixed(cfg['mixup']) if y_b else student\n",
    "after the return": LOSS + "    if lam == 0:\n        return 2\n    return 1 if cfg['mixup'] else 2\n",
    "after the exception": LOSS
    + "    try:\n        if lam == 0:\n            raise ValueError\n        return 1 if cfg['mixup'] else 2\n"
    + "    except ValueError:\n        return 2\n",
    "a word": LOSS + "    if mode != 'kd' and args.soft:\n        return 1\n    return 2\n",
}


@pytest.mark.parametrize(("text", "setting"), DECIDING.values(), ids=DECIDING)
def test_deciding_setting_is_named_with_its_line(text: str, setting: str) -> None:
    result = read_text(text)
    (note,) = (note for note in result.notes if note.id.startswith("intake.settings_"))
    assert (note.id, note.params["names"]) == ("intake.settings_decide", [setting])
    assert 1 <= note.params["line"] <= text.count("\n")


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_setting_that_decides_nothing_is_not(text: str) -> None:
    result = read_text(text)
    assert result.source is not None
    assert "intake.settings_decide" not in note_ids(result)


@pytest.mark.parametrize("text", BY_DEFAULT.values(), ids=BY_DEFAULT)
@pytest.mark.parametrize("defaulted", [None, ("y_b", "lam", "mode")])
def test_setting_beside_a_settled_condition_decides_nothing(text: str, defaulted: tuple[str, ...] | None) -> None:
    notes = read_text(text).notes
    assert "intake.settings_decide" in [note.id for note in notes_of_call(notes, ())]
    (note,) = notes_of_call(notes, defaulted)
    assert note.id == "intake.settings_missing"
    assert note.params["names"] in (["cfg"], ["args"])


@pytest.mark.parametrize("text", [
    LOSS + "    if y_b is None and cfg['mixup']:\n        return 1\n    return 2\n",
    LOSS + "    y_b = student\n    if y_b is not None and cfg['mixup']:\n        return 1\n    return 2\n",
    LOSS + "    if y_a is not None and cfg['mixup']:\n        return 1\n    return 2\n",
    LOSS + "    return helper(student, y_b=1)\ndef helper(a, y_b=None):\n    return 1 if y_b and cfg['mixup'] else 2\n",
    LOSS + "    return 1 if cfg['mixup'] or y_b else 2\n",
])  # fmt: skip
def test_condition_that_the_defaults_leave_open_waits_for_review(text: str) -> None:
    assert "intake.settings_decide" in [note.id for note in notes_of_call(read_text(text).notes, None)]


def test_only_the_settings_that_still_decide_are_named() -> None:
    text = LOSS + "    if y_b and cfg['mixup']:\n        return 1\n    return 2 if cfg['soft'] else 3\n"
    notes = read_text(text).notes
    assert notes_of_call(notes, ())[0].params == {"names": ["cfg['mixup']", "cfg['soft']"], "line": 2}
    assert notes_of_call(notes, ("y_b",))[0].params == {"names": ["cfg['soft']"], "line": 4}


def test_many_readers_of_settings_are_searched_in_linear_time() -> None:
    many = "".join(f"def build_{n}(x={n}):\n    y = args.a{n}\n    return build_{n + 1}(y)\n" for n in range(2000))
    result = read_text(f"{many}def build_2000(x):\n    return 1 if x else 2\n{BUILD}    return build_0()\n")
    assert "intake.settings_decide" in note_ids(result)
