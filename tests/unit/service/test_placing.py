"""Each of several files goes to the part that it fits, and an unused one has a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from app.submissions import placing
from app.submissions.placing import PlacedFile, Reason
from grader import assignment
from grader.submission import Part

HW13 = assignment.bundled("hw13")
FUNCTIONS = assignment.bundled("prune-quantize")
MODEL = "def get_student_model():\n    return Net()\n"
LOSS = "def loss_fn_kd(a, b, c, alpha, temperature):\n    return a\n"
HELPER = "class Net:\n    pass\n"


def place(
    *files: tuple[str, str | bytes],
    choices: Mapping[str, str] | None = None,
    own: Mapping[str, str] | None = None,
    carried: Mapping[str, str] | None = None,
    homework: assignment.Assignment = HW13,
) -> tuple[dict[str, str | None], dict[str, PlacedFile]]:
    """By part the name of its file, and by name what became of each file."""
    parts = [Part(data.encode() if isinstance(data, str) else data, name) for name, data in files]
    own_parts, carried_parts = (
        {name: Part(text.encode()) for name, text in (texts or {}).items()} for texts in (own, carried)
    )
    placement = placing.place(homework, parts, choices or {}, own_parts, carried_parts)
    return {name: part.filename for name, part in placement.parts.items()}, {
        file.name: file for file in placement.files
    }


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("model.py", MODEL, "model"),
        ("anything.py", LOSS, "loss"),  # what it defines counts more than its name
        ("model_and_loss.txt", LOSS, "loss"),
        ("hw13.ipynb", json.dumps({"cells": [{"source": "x = 1\n" + MODEL}, {"source": LOSS}]}), "model"),
        ("my_loss.py", "", None),
        ("my_loss.py", "x = 1\n", "loss"),  # the name counts more than the kind
        ("other.py", "x = 1\n", "model"),
        ("notes.txt", "Total params: 3", "summary"),
        ("answers.json", '{"2.2": "softer"}', "answers"),
        ("Figure.JPG", b"\xff\xd8", "pruning_plot"),
        ("best.pth", b"PK", "weights"),
        ("points.csv", "ratio,accuracy", "pruning_points"),
    ],
)
def test_a_file_goes_to_the_part_that_it_fits(name: str, data: str | bytes, part: str | None) -> None:
    parts, files = place((name, data))
    assert parts == ({part: name} if part else {})
    assert files[name].part == part
    assert (files[name].reason is None) == (part is not None)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("report.pdf", "%PDF", Reason.PDF),
        ("homework.zip", "PK", Reason.ARCHIVE),
        ("photo.heic", "x", Reason.UNKNOWN_KIND),
        ("README", "x", Reason.UNKNOWN_KIND),
        ("loss.py", " \n", Reason.EMPTY),
        ("points.csv", "x" * (2**20 + 1), Reason.TOO_LARGE),
        ("answers.json", '{"2.2": ', Reason.UNREADABLE_ANSWERS),
    ],
)
def test_an_unused_file_has_a_reason(name: str, data: str, reason: Reason) -> None:
    parts, files = place((name, data), ("model.py", MODEL))
    assert parts == {"model": "model.py"}
    assert files[name].reason is reason


def test_a_second_file_of_a_part_replaces_the_first_only_by_choice() -> None:
    files = ("model.py", MODEL), ("model_v2.py", MODEL)
    parts, rows = place(*files)
    assert parts == {"model": "model.py"}
    assert (rows["model_v2.py"].reason, rows["model_v2.py"].another) == (Reason.SECOND, "model.py")
    parts, rows = place(*files, choices={"model_v2.py": "use-model"})
    assert parts == {"model": "model_v2.py"}
    assert (rows["model.py"].reason, rows["model.py"].another) == (Reason.SECOND, "model_v2.py")


def test_the_better_fit_comes_first_whatever_the_order_of_the_files() -> None:
    for files in (
        (("student_old.py", "x = 1\n"), ("net.py", MODEL)),
        (("net.py", MODEL), ("student_old.py", "x = 1\n")),
    ):
        parts, rows = place(*files)
        assert parts == {"model": "net.py"}
        assert rows["student_old.py"].reason is Reason.SECOND


def test_pasted_text_stays_and_a_carried_part_gives_way() -> None:
    parts, rows = place(("model.py", MODEL), own={"model": "# pasted"})
    assert parts == {}
    assert rows["model.py"].reason is Reason.OCCUPIED
    assert place(("model.py", MODEL), own={"model": "# pasted"}, choices={"model.py": "use-model"})[0] == {
        "model": "model.py"
    }
    assert place(("model.py", MODEL), carried={"model": "# earlier"})[0] == {"model": "model.py"}


@pytest.mark.parametrize("where", ["dropped", "own", "carried"])
def test_a_helper_is_joined_to_the_code_only_by_choice(where: str) -> None:
    files = [("utils.py", HELPER), *([("model.py", MODEL)] if where == "dropped" else [])]
    given: dict[str, Mapping[str, str]] = {} if where == "dropped" else {where: {"model": MODEL}}
    if where != "carried":  # a carried part would be replaced by the only file of code
        parts, rows = place(*files, **given)  # type: ignore[arg-type]
        assert rows["utils.py"].reason is Reason.HELPER
        assert "join-model" in rows["utils.py"].choices
        assert parts == ({"model": "model.py"} if where == "dropped" else {})
    parts, rows = place(*files, choices={"utils.py": "join-model"}, **given)  # type: ignore[arg-type]
    assert rows["utils.py"].is_joined
    assert parts == {"model": "utils.py + model.py" if where == "dropped" else "utils.py"}


def test_only_files_of_code_can_be_joined_and_only_to_code() -> None:
    _, rows = place(("utils.py", HELPER), choices={"utils.py": "join-model"})
    assert rows["utils.py"].reason is Reason.NOTHING_TO_JOIN
    notebook = '{"cells": [{"cell_type": "code", "source": "x = 1"}], "nbformat": 4}'
    files = ("hw13.ipynb", notebook), ("utils.py", HELPER)
    _, rows = place(*files, choices={"utils.py": "join-model"})
    assert rows["utils.py"].reason is Reason.NOT_JOINABLE
    assert not [choice for choice in rows["hw13.ipynb"].choices if choice.startswith("join")]


def test_two_files_of_one_part_with_functions_of_their_own_can_be_joined() -> None:
    files = (
        ("pruning.py", "def fine_grained_prune(tensor, sparsity):\n    return tensor\n"),
        ("quantize.py", "def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):\n    return codebook\n"),
    )
    parts, rows = place(*files, homework=FUNCTIONS)
    assert parts == {"code": "pruning.py"}
    assert rows["quantize.py"].reason is Reason.SECOND
    parts, _ = place(*files, choices={"quantize.py": "join-code"}, homework=FUNCTIONS)
    assert parts == {"code": "quantize.py + pruning.py"}


def test_a_choice_that_there_is_not_is_none() -> None:
    assert place(("model.py", MODEL), choices={"model.py": "use-weights"})[0] == {"model": "model.py"}
    assert place(("model.py", MODEL), choices={"model.py": "none"})[1]["model.py"].reason is Reason.LEFT_OUT


def test_of_two_files_with_one_name_and_of_many_files_the_later_ones_are_named() -> None:
    _, rows = place(("model.py", MODEL), ("model.py", MODEL))
    assert rows["model.py"].reason is Reason.SAME_NAME
    _, rows = place(*((f"{number}.csv", "1") for number in range(40)))
    assert [file.reason for file in rows.values()].count(Reason.TOO_MANY) == 10
