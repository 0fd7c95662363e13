"""Which file becomes which part of a hand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.commands import grade, parts
from app.commands.failures import UnusableInput
from app.commands.parts import Sources
from grader.assignment import bundled

EXAMPLE = Path(__file__).parents[2] / "examples/hw13"


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text(name)
    return folder


def collected_names(*paths: Path, **options: Path) -> dict[str, str | None]:
    collected = parts.collect(bundled("hw13").parts, Sources(paths, options))
    return {name: part.filename for name, part in collected.items()}


def test_a_folder_gives_its_usual_names() -> None:
    assert collected_names(EXAMPLE) == {
        "model": "model.py",
        "loss": "loss.py",
        "summary": "summary.txt",
        "answers": "answers.json",
        "pruning_plot": "pruning.png",
    }


def test_pairs_name_any_part_and_options_only_those_of_the_assignment(tmp_path: Path) -> None:
    put(tmp_path, "net.py", "curve.png")
    pairs = [f"model={tmp_path / 'net.py'}", f"pruning_plot={tmp_path / 'curve.png'}"]
    collected = parts.collect(bundled("hw13").parts, Sources(pairs=pairs))
    assert {name: part.filename for name, part in collected.items()} == {"model": "net.py", "pruning_plot": "curve.png"}


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        (["network=a.py"], "has no part network; its parts are model, loss"),
        (["model"], "write --part NAME=FILE"),
        (["=a.py"], "write --part NAME=FILE"),
        (["model=a.py", "model=b.py"], "--part model is given twice"),
    ],
)
def test_a_wrong_pair_is_refused(pairs: list[str], complaint: str) -> None:
    with pytest.raises(UnusableInput, match=complaint):
        parts.collect(bundled("hw13").parts, Sources(pairs=pairs))


def test_an_option_that_the_assignment_does_not_have_is_refused(tmp_path: Path) -> None:
    only_loss = [part for part in bundled("hw13").parts if part.name == "loss"]
    with pytest.raises(UnusableInput, match="has no part plot; its parts are loss"):
        parts.collect(only_loss, Sources(options={"plot": tmp_path / "a.png"}))


def test_bytes_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_bytes(b"\xff\x00\r\n")
    assert parts.collect(bundled("hw13").parts, Sources([tmp_path]))["model"].data == b"\xff\x00\r\n"


def test_a_notebook_is_the_model_when_no_python_file_is(tmp_path: Path) -> None:
    put(tmp_path, "HW13.ipynb", "weights.safetensors", "points.csv", "Curve.JPG", "notes.md", ".hidden.png")
    assert collected_names(tmp_path) == {
        "model": "HW13.ipynb",
        "pruning_plot": "Curve.JPG",
        "pruning_points": "points.csv",
        "weights": "weights.safetensors",
    }


def test_model_py_comes_before_a_notebook(tmp_path: Path) -> None:
    assert collected_names(put(tmp_path, "HW13.ipynb", "model.py")) == {"model": "model.py"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("my_kd_loss.py", "loss"),
        ("StudentNet.py", "model"),
        ("anything.py", "model"),
        ("out.txt", "summary"),
        ("a.json", "answers"),
        ("q31.jpeg", "pruning_plot"),
        ("w.pth", "weights"),
    ],
)
def test_a_file_named_outright_finds_its_part(tmp_path: Path, name: str, part: str) -> None:
    assert collected_names(put(tmp_path, name) / name) == {part: name}


def test_an_option_outranks_what_a_folder_holds(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png", "model.py")
    assert collected_names(tmp_path, plot=tmp_path / "b.png") == {"model": "model.py", "pruning_plot": "b.png"}
    assert collected_names(tmp_path / "a.png", plot=tmp_path / "b.png") == {"pruning_plot": "b.png"}


def test_two_candidates_are_a_question_and_not_a_guess(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    with pytest.raises(UnusableInput, match=r"a\.png, b\.png.*--part pruning_plot=FILE"):
        collected_names(tmp_path)
    with pytest.raises(UnusableInput, match="both look like the pruning_plot"):
        collected_names(tmp_path / "a.png", tmp_path / "b.png")


@pytest.mark.parametrize("name", ["thesis.pdf", "archive.zip"])
def test_a_file_that_is_no_part_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableInput, match="not a part of a submission"):
        collected_names(put(tmp_path, name) / name)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="does not exist"):
        collected_names(tmp_path / "nowhere")
    with pytest.raises(UnusableInput, match=r"cannot read .*absent"):
        collected_names(loss=tmp_path / "absent.py")
    with pytest.raises(UnusableInput, match="no file with a usual name"):
        collected_names(tmp_path)
    with pytest.raises(UnusableInput, match="nothing to submit"):
        collected_names()
    (tmp_path / "model.py").write_text(" \n")
    with pytest.raises(UnusableInput, match="every file is empty"):
        collected_names(tmp_path)


@pytest.mark.parametrize(
    ("names", "slug"),
    [
        (["prune-quantize"], "prune-quantize"),
        (["prune-quantize-mistakes"], "prune-quantize"),
        (["hw13-correct"], "hw13"),
        (["hw13-2023-late"], "hw13-2023"),
        (["somebody"], "hw13"),
        (["somebody", "prune-quantize"], "prune-quantize"),
        ([], "hw13"),
    ],
)
def test_a_folder_names_its_assignment(tmp_path: Path, names: list[str], slug: str) -> None:
    folders = [tmp_path / name for name in names]
    for folder in folders:
        folder.mkdir()
    file = tmp_path / "prune-quantize.py"
    file.touch()
    assert grade.slug_of_folders([*folders, file]) == slug


def test_outputs_of_a_notebook_are_named_with_the_option_that_takes_them(tmp_path: Path) -> None:
    summary = {"output_type": "stream", "name": "stdout", "text": (EXAMPLE / "summary.txt").read_text()}
    cells = [{"cell_type": "code", "source": "summary(model)", "outputs": [summary]}]
    (tmp_path / "hw13.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    definitions = bundled("hw13").parts
    collected = parts.collect(definitions, Sources([tmp_path]))
    assert list(collected) == ["model"]
    (line,) = parts.output_remarks(definitions, collected)
    assert line.startswith("cell 1 of hw13.ipynb has an output that may be the summary (")
    option = line.split("--use-output ")[1]
    assert option == "summary=model:1.1"
    taken = parts.collect(definitions, Sources([tmp_path], outputs=[option]))
    assert taken["summary"].data == (EXAMPLE / "summary.txt").read_bytes()
    assert parts.output_remarks(definitions, taken) == []
    for wrong, complaint in (
        (["summary=model:2.1"], "model:1.1"),
        (["summary"], "write --use-output NAME=OUTPUT"),
        (["model=model:1.1"], "is the model; leave one of them out"),
        ([option, option], "given twice"),
    ):
        with pytest.raises(UnusableInput, match=complaint):
            parts.collect(definitions, Sources([tmp_path], outputs=wrong))
