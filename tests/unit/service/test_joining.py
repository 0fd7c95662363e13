"""A helper file becomes part of the code that imports it."""

from __future__ import annotations

import pytest

from app.submissions import joining
from grader import intake
from grader.submission import Part

HELPER = Part(b"class Block:\n    size = 3\n\ndef double(x):\n    return 2 * x\n", "utils.py")


@pytest.mark.parametrize(
    "text",
    [
        "from utils import Block, double\nresult = double(Block.size)\n",
        "from .utils import Block, double as twice\nresult = twice(Block.size)\n",
        "from utils import (\n    Block,\n    double,\n)\nresult = double(Block.size)\n",
        "try:\n    from utils import *\nexcept ImportError:\n    pass\nresult = double(Block.size)\n",
        "def run():\n    from utils import double  # here\n    return double(3)\nresult = run()\n",
        "result = double(Block.size)\n",
        "import utils\nresult = utils.double(utils.Block.size)\n",
        "import utils as u, math\nresult = u.double(u.Block.size) + math.floor(0.5)\n",
        "from . import utils\ndef run():\n    return utils.double(3)\nresult = run()\n",
        "def run():\n    import utils\n    return utils.double(3)\nresult = run()\n",
        "import utils\nmodule = utils\nresult = module.double(module.Block.size)\n",
        "import utils\ndef double(x):\n    return x\nresult = utils.double(double(3))\n",
    ],
)
def test_the_joined_code_runs_alone(text: str) -> None:
    joined = joining.join(HELPER, Part(text.encode(), "model.py"))
    namespace: dict[str, object] = {}
    exec(joined.data, namespace)
    assert namespace["result"] == 6
    assert joined.filename == "utils.py + model.py"
    assert joined.data.decode().count("\n") == HELPER.data.decode().count("\n") + text.count("\n") + 4


def test_other_imports_stay() -> None:
    text = "from utils.blocks import a\nimport utils.blocks\nimport utils2\nfrom torch import nn; from utils import b\n"
    assert text in joining.join(HELPER, Part(text.encode())).data.decode()


def test_code_that_is_no_python_is_joined_as_it_is() -> None:
    assert b"from utils import (\n" in joining.join(HELPER, Part(b"from utils import (\n")).data


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0", b'{"cells": [], "nbformat": 4}', b"x=1\n" * 60_000])
def test_notebooks_binary_files_and_long_texts_are_refused(data: bytes) -> None:
    with pytest.raises(joining.NotJoinable):
        joining.join(HELPER, Part(data))
    with pytest.raises(joining.NotJoinable):
        joining.join(Part(data, "utils.py"), Part(b"x = 1\n"))


def test_only_what_the_code_reads_of_the_helper_is_named() -> None:
    helper = Part(b"def double(x):\n    return 2 * x\nhistory = train_for_hours()\n", "utils.py")
    joined = joining.join(helper, Part(b"import utils\nresult = utils.double(3)\n", "model.py")).data.decode()
    assert "import types; utils = types.SimpleNamespace(double=double)  # joined above\n" in joined


def test_a_network_built_with_a_joined_module_keeps_its_helper_when_it_is_read() -> None:
    helper = Part(b"import torch.nn as nn\ndef head(n):\n    return nn.Linear(n, 11)\n", "utils.py")
    code = Part(b"import utils\ndef get_student_model():\n    return utils.head(8)\n", "model.py")
    result = intake.PartReader(joining.join(helper, code), frozenset(), "suggest").read("get_student_model")
    assert result.source is not None
    assert not result.missing_names
    assert "utils = types.SimpleNamespace(head=head)" in result.source
    assert "def head(n)" in result.source
