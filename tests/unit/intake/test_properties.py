"""Intake reads any bytes without a crash, in bounded time, and runs none. A valid module behaves the same."""

from __future__ import annotations

import ast
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake import BYTE_LIMIT, TOKEN_LIMIT, IntakeResult, read_part
from grader.submission import Part
from tests import slices
from tests.unit.intake.paste import LOSS, MODEL, notebook, read_text, without_underscores

_FRAGMENTS = st.sampled_from(
    ["def f(x):\n", "class A:\n", "    ", "\t", "\n", "return x\n", "x = 1\n", "if x:\n", "else:\n", "```\n", ">>> ",
     "... ", "In [1]: ", "1 ", "2. ", "%time\n", "!ls\n", "x y", "“", "”", "’", "（", "）", "，", "\u00a0", "\u3000",
     "> ", "+", "&lt;", "<br>", "\\_", "**init**", "\u2028", "words\n", "loss_fn_kd",
     '"""', "'", '"', "#", "\\\n", "\\", "(", ")", "[", "]", "{", "}", "super(). init ()", "def init (self):\n",
     "self. a b", "in planes", "lambda", "not", "import a\n", "from a import *\n", ";", ":", ",", "=", "==", "+", "*",
     "@", "é", "中", "\ufeff", "\u200b", "\x0c", "\0", "get_student_model", "match x:\n", "f'{a b}'", "0x", "1e"]
)  # fmt: skip
_PASTES = st.lists(_FRAGMENTS, max_size=40).map("".join)
_CODE = st.sampled_from([MODEL, LOSS, without_underscores(MODEL), notebook(MODEL, LOSS)])


def _check(result: IntakeResult) -> None:
    has_reason = result.error is not None or any(note.id.startswith("code.") for note in result.notes)
    assert has_reason if result.source is None else result.error is None
    if result.source is not None:
        compile(result.source, "submission", "exec", dont_inherit=True)
    if result.repaired_text is not None:
        ast.parse(result.repaired_text)
        assert result.is_damaged
        assert result.diff
    json.dumps([note.model_dump() for note in result.notes])


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@given(_PASTES, st.sampled_from(["suggest", "apply"]))
def test_any_paste_is_answered(text: str, repair: str) -> None:
    _check(read_text(text.encode("utf-8", "replace"), repair=repair))


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@given(st.binary(max_size=400))
def test_any_bytes_are_answered(data: bytes) -> None:
    _check(read_text(data, repair="apply"))


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@given(_CODE, st.data())
def test_any_change_to_real_code_is_answered(code: str, data: st.DataObject) -> None:
    """Cut, drop and insert pieces of real submissions, as careless copying does."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(code)))
        removed = data.draw(st.integers(0, 30))
        code = code[:at] + data.draw(_FRAGMENTS) + code[at + removed :]
    _check(read_text(code, repair="apply"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["cells", "worksheets", "cell_type", "source", "input", "code"]), inner, max_size=4
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_answered(value: Any) -> None:
    cell = {"cell_type": "code", "source": value}
    for notebook_like in (value, {"cells": value}, {"cells": [cell, value]}, {"worksheets": [{"cells": value}]}):
        read_part(Part(json.dumps(notebook_like).encode()), "get_student_model", frozenset())


_WITNESS: list[str] = []


@pytest.mark.parametrize(
    "text",
    [
        "{call}",
        "import {module}\ndef get_student_model():\n    return {module}\n",
        "@{call}\ndef get_student_model(x={call}) -> {call}:\n    pass\n",
        "class Net({call}, metaclass={call}):\n    x = {call}\ndef get_student_model():\n    return Net\n",
        "width = {call}\ndef get_student_model():\n    return width\n",
        "width = f'{{{call}}}'\ndef get_student_model():\n    return width\n",
        "%run {call}\n!{call}\ndef get_student_model():\n    pass\n",
        "def get student model():\n    return {call}\n",
    ],
)
def test_nothing_is_executed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that ran in this process would leave a trace, because it can reach this module's list."""
    _WITNESS.clear()
    module = __name__
    call = f"__import__('sys').modules[{module!r}]._WITNESS.append('ran')"
    monkeypatch.setattr("builtins.__import__", _watched_import(__import__))
    for repair in ("suggest", "apply"):
        read_text(text.format(call=call, module="antigravity_of_the_submission"), repair=repair)
    assert _WITNESS == []


def _watched_import(real: Any) -> Any:
    def watched(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "antigravity_of_the_submission":
            _WITNESS.append("imported")
        return real(name, *args, **kwargs)

    return watched


@pytest.mark.parametrize(
    "text",
    slices.every(
        5,
        [
            "a\n" * (BYTE_LIMIT // 2),
            "a" * BYTE_LIMIT,
            "(" * BYTE_LIMIT,
            "ab cd\n" * (TOKEN_LIMIT // 3 - 1),
            "def f(): g()\n" * (TOKEN_LIMIT // 8 - 1),
            "import a\n" * (TOKEN_LIMIT // 3 - 1),
            "if a:\nb\nelse:\n c d\n" * (TOKEN_LIMIT // 12),
            "class a:\n def f(self): pass\ndef g(self): pass\n" * (TOKEN_LIMIT // 24),
            "x = 1 +\n" * (TOKEN_LIMIT // 5 - 1),
            'x = "abc\ndef"\n' * (TOKEN_LIMIT // 8),
            "“" * (BYTE_LIMIT // 4),
            "&lt;<br>" * (TOKEN_LIMIT // 7),
            "words here\ndef f(:\n" * (TOKEN_LIMIT // 8 - 1),
            "\u2028" * (BYTE_LIMIT // 4) + "a b",
            "'''" * (TOKEN_LIMIT // 3 - 1),
            "\\\n" * (TOKEN_LIMIT // 2 - 1),
            " " * (BYTE_LIMIT - 10) + "a b",
            '{"cells": [' + '{"cell_type":"code","source":"x y z"},' * 15_000 + "{}]}",
            "".join(f"{number} x y\n" for number in range(1, TOKEN_LIMIT // 5)),
        ],
    ),
)
def test_large_input_is_answered_in_seconds(text: str) -> None:
    """The slowest text takes 2 s on two busy cores; without the limits, the first one takes half a minute."""
    started = time.process_time()
    read_text(text, repair="apply")
    assert time.process_time() - started < 12


_NUMBERS = st.integers(-9, 9)


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A module whose entry computes a number from definitions, values and helpers spread over the file."""
    lines = ["import math", "from functools import reduce as fold"]
    names = ["1"]
    for number in range(draw(st.integers(1, 8))):
        name, value, other = f"name_{number}", draw(_NUMBERS), draw(st.sampled_from(names))
        shape = draw(st.integers(0, 9))
        lines += [
            [f"{name} = {value} + {other}"],
            [f"{name}: int = {other} * {value}"],
            [f"def {name}_f(a, b={other}):", f"    # 說明 {value}", f"    return a + b * {value}",
             f"{name} = {name}_f(2)"],
            [f"class {name}_c:", f"    size = {value}", "    def get(self):", f"        return self.size + {other}",
             f"{name} = {name}_c().get()"],
            [f"{name} = [x * {value} for x in range({abs(value)}) if x % 2]", f"{name}.append({other})",
             f"{name} = sum({name})"],
            [f"if {other} > {value}:", f"    {name} = 1", "else:", f"    {name} = {other}"],
            [f"{name}_d = {{'a': {other}}}", f"{name}_d['b'] = {value}",
             f"{name} = fold(lambda x, y: x + y, {name}_d.values())"],
            [f"for {name} in range({abs(value)} + 1):", "    pass"],
            ["try:", f"    {name} = undefined_{number}", "except NameError:", f"    {name} = {other}"],
            [f"{name}, unused_{number} = {other}, math.floor({value})"],
        ][shape]  # fmt: skip
        lines += draw(
            st.sampled_from(
                [[], [f"print({name})"], ["import tqdm"], ["model_x = get_student_model"], ["for i in []:", "    i"]]
            )
        )
        names.append(name)
    lines += ["def get_student_model():", f"    return {' + '.join(draw(st.permutations(names)))}"]
    return "\n".join(lines) + "\n"


@given(modules())
def test_valid_module_behaves_the_same_after_intake(text: str) -> None:
    result = read_text(text)
    assert result.error is None
    assert result.source is not None
    assert result.missing_names == ()
    assert result.source.count("\n") == text.count("\n")
    runnable = text.replace("import tqdm\n", "\n").replace("model_x = get_student_model\n", "\n")
    before: dict[str, Any] = {"print": lambda *_: None}
    after: dict[str, Any] = {}
    exec(runnable, before)
    exec(result.source, after)
    assert after["get_student_model"]() == before["get_student_model"]()
