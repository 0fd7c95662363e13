"""Damaged pastes are recognised, shown with a repair, and repaired only on request."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from grader.intake import damage, indentation, syntax, underscores, wrapping
from tests.unit.intake.paste import LOSS, MODEL, note_ids, one_space_off, read_text, without_underscores


def dump(source: str | None) -> str:
    assert source is not None
    return ast.dump(ast.parse(source))


def both(code: str) -> str:
    return one_space_off(without_underscores(code))


def without_leading_underscore(code: str) -> str:
    """The repair of a text that has lost all underscores: nothing shows that a name began with one."""
    return code.replace("_make_layer", "make_layer")


@pytest.mark.parametrize("damage_text", [without_underscores, both])
def test_damaged_model_is_diagnosed_and_not_run(damage_text: Callable[[str], str]) -> None:
    result = read_text(damage_text(MODEL))
    assert result.source is None
    assert result.is_damaged
    assert result.error is not None
    assert result.notes[0].id == "code.damaged"
    assert dump(result.repaired_text) == dump(without_leading_underscore(MODEL))
    assert "+class Separable_Block(nn.Module):" in result.diff
    assert "-class Separable Block(nn.Module):" in result.diff


@pytest.mark.parametrize("damage_text", [without_underscores, one_space_off, both])
@pytest.mark.parametrize(("code", "entry"), [(MODEL, "get_student_model"), (LOSS, "loss_fn_kd")])
def test_repaired_code_is_the_code_before_the_damage(damage_text: Callable[[str], str], code: str, entry: str) -> None:
    result = read_text(damage_text(code), entry, repair="apply")
    assert result.error is None
    expected = code if damage_text is one_space_off else without_leading_underscore(code)
    assert dump(result.source) == dump(expected)


def test_partly_damaged_text_gets_the_spelling_of_its_undamaged_places() -> None:
    damaged_text = MODEL.replace("self._make_layer(24", "self. make layer(24").replace(
        "in_planes, out", "in planes, out"
    )
    result = read_text(damaged_text, repair="apply")
    assert dump(result.source) == dump(MODEL)


def test_missing_helper_of_a_damaged_model_is_named_either_way() -> None:
    damaged_text = without_underscores("def get_student_model():\n    return depth_wise_conv(in_planes=3)\n")
    assert read_text(damaged_text).missing_names == (("depth_wise_conv", 2, None),)
    assert read_text(damaged_text, repair="apply").missing_names == (("depth_wise_conv", 2, None),)


def test_stray_method_goes_back_into_its_class() -> None:
    """A page break inside a class: the method after it stands at the margin, with its body where it was."""
    lines = MODEL.split("\n")
    stray = next(n for n, line in enumerate(lines) if "out_1 = F.relu" in line) - 1
    lines[stray] = lines[stray].lstrip()
    damaged_text = "\n".join(lines)
    result = read_text(damaged_text)
    assert result.is_damaged
    assert "intake.damage_suspected" in note_ids(result)
    assert result.source is not None  # it is valid Python, so it runs as it stands
    assert dump(read_text(damaged_text, repair="apply").source) == dump(MODEL)


def test_lost_dunder_is_suspected_in_valid_code() -> None:
    result = read_text(MODEL.replace("__init__", "init"))
    assert result.is_damaged
    assert result.source is not None
    assert "intake.damage_suspected" in note_ids(result)


def test_flat_loss_is_indented_again() -> None:
    flat = "\n".join(line.lstrip() for line in LOSS.split("\n"))
    assert read_text(flat, "loss_fn_kd").notes[0].id == "code.damaged"
    assert dump(read_text(flat, "loss_fn_kd", "apply").source) == dump(LOSS)


def test_flat_model_with_two_readings_is_not_repaired() -> None:
    """The loop of ``_make_layer`` has two statements or one: nothing in a flat text tells."""
    result = read_text("\n".join(line.lstrip() for line in MODEL.split("\n")), repair="apply")
    assert result.source is None
    assert result.repaired_text is None
    assert result.notes[0].id == "code.damaged_beyond_repair"


@pytest.mark.parametrize(
    ("flat", "indented"),
    [
        ("class A:\nx = 1\ndef f(self):\nreturn 1\ndef g(self):\nreturn 2\ndef h():\nreturn A()\n",
         "class A:\n    x = 1\n    def f(self):\n        return 1\n    def g(self):\n        return 2\n"
         "def h():\n    return A()\n"),
        ("def f(x):\nif x:\nreturn 1\nelif x > 2:\ny = 2\nelse:\ny = 3\nreturn y\n",
         "def f(x):\n    if x:\n        return 1\n    elif x > 2:\n        y = 2\n    else:\n        y = 3\n"
         "    return y\n"),
        ("class A:\n@property\ndef f(self):\nfor i in self:\nif i:\nbreak\nreturn 1\n",
         None),
        ("def f(x):\nfor i in x:\ny = 1\nz = 2\nreturn z\n", None),
        ("def f(x):\nif x:\nelse:\nreturn 1\n", None),
    ],
)  # fmt: skip
def test_flat_text(flat: str, indented: str | None) -> None:
    restored = indentation.restore(flat)
    if indented is None:
        assert restored is None or not isinstance(syntax.parse(restored), ast.Module)
    else:
        assert restored == indented


@pytest.mark.parametrize(
    ("damaged_text", "undamaged"),
    [
        ("def loss fn kd(student logits, y b=None):", "def loss_fn_kd(student_logits, y_b=None):"),
        ("def init (self, in planes):", "def __init__(self, in_planes):"),
        ("super(). init ()", "super().__init__()"),
        ("super(Block, self). init ()", "super(Block, self).__init__()"),
        ("super().init()", "super().__init__()"),
        ("super(Block, self).init(x)", "super(Block, self).__init__(x)"),
        ("self.net.init()", "self.net.init()"),
        ("if y b is not None and not is training:", "if y_b is not None and not is_training:"),
        ("for x in in planes: pass", "for x in in_planes: pass"),
        ("self.in planes = in planes", "self.in_planes = in_planes"),
        ("def f(num in features, out=1):\n    return g(num in features)",
         "def f(num_in_features, out=1):\n    return g(num_in_features)"),
        ("x = a in planes", "x = a in planes"),
        ("y = x if a else b", "y = x if a else b"),
        ("from a import b as c", "from a import b as c"),
        ("from . import b", "from . import b"),
        ("def call (self): return len (self)", "def __call__(self): return len (self)"),
        ("def call(self): return 1", "def call(self): return 1"),
        ("self.conv 1 = nn.Conv 2 d(1, 2)", "self.conv_1 = nn.Conv_2_d(1, 2)"),
        ("lambda x: x + y z", "lambda x: x + y_z"),
        ("x = 'a b' # c d", "x = 'a b' # c d"),
        ("print x", "print x"),
        ("return out x", "return out_x"),
        ("async def go there(): await some thing", "async def go_there(): await some_thing"),
        ("forward pass = 1", "forward_pass = 1"),
        ("x = f(num class=3, class weights=w)", "x = f(num_class=3, class_weights=w)"),
        ("class A:\n    def size(self): return self._size\n    def f(self): self._size = a b",
         "class A:\n    def size(self): return self._size\n    def f(self): self._size = a_b"),
    ],
)  # fmt: skip
def test_underscores(damaged_text: str, undamaged: str) -> None:
    assert underscores.restore(damaged_text)[0] == undamaged


@pytest.mark.parametrize(
    ("damaged_text", "undamaged"),
    [
        ("x = 1 +\n    2\n", "x = 1 + 2\n\n"),
        ("if a and\nb:\n    c\n", "if a and b:\n\n    c\n"),
        ("y = x\n    .view(1)\n", "y = x .view(1)\n\n"),
        ("x = 'one\n  two'\n", "x = 'one two'\n\n"),
        ("# a comment that is long enough to fill its line and\ngoes on here\nx = 1\n",
         "# a comment that is long enough to fill its line and\n# goes on here\nx = 1\n"),
        ("x = 1\ny = 2\n", "x = 1\ny = 2\n"),
        ("x = '''a\nb'''\n", "x = '''a\nb'''\n"),
        ("x = 1 + # why\n2\n", "x = 1 + # why\n2\n"),
        ("from a import *\nx = 1\n", "from a import *\nx = 1\n"),
    ],
)  # fmt: skip
def test_wrapped_lines(damaged_text: str, undamaged: str) -> None:
    assert wrapping.restore(damaged_text) == undamaged


@pytest.mark.parametrize(
    "mistake",
    [
        "def get_student_model()\n    return 1\n",
        "def get_student_model():\n    return (1, 2\n",
        "def get_student_model():\n    return 1 +* 2\n",
        "def get_student_model():\n    x = 'abc\n    return x\n",
        MODEL.replace("super().__init__()", "super().__init__(", 1),
        MODEL.replace("return self.head_linear(", "return (self.head_linear(", 1),
    ],
)
def test_plain_mistake_is_no_damage(mistake: str) -> None:
    result = read_text(mistake, repair="apply")
    assert result.source is None
    assert not result.is_damaged
    assert result.notes[0].id == "code.syntax_error"


@pytest.mark.parametrize("repair", ["suggest", "apply"])
def test_undamaged_code_is_never_repaired(repair: str) -> None:
    for code, entry in ((MODEL, "get_student_model"), (LOSS, "loss_fn_kd")):
        result = read_text(code, entry, repair)
        assert result.source == code
        assert result.repaired_text is None
        assert result.diff == ""


def test_long_text_is_not_repaired() -> None:
    text = without_underscores(MODEL) + "#" * damage.SIZE_LIMIT
    assert read_text(text, repair="apply").repaired_text is None
