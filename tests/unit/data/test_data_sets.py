from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grader import data
from reference_models.pack import Encoding, PackWriter


def make(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split in ("train", "hidden"):
        with PackWriter(folder / f"{split}.pack", 8, Encoding.RAW, {"classes": ["a", "b"]}) as pack:
            pack.append(bytes(8 * 8 * 3), 1)


def test_an_imported_set_is_found_beside_the_built_in_one(tmp_path: Path) -> None:
    make(tmp_path / "datasets" / "food11")
    assert data.available(tmp_path) == ("food11-mini", "food11")
    loaded = data.load("food11", tmp_path)
    assert loaded.name == "food11"
    assert loaded.classes == ("a", "b")
    assert loaded.size == 8
    assert loaded.hidden.images([0], 16).shape == (1, 3, 16, 16)


def test_half_a_set_is_not_found(tmp_path: Path) -> None:
    make(tmp_path / "datasets" / "food11")
    (tmp_path / "datasets" / "food11" / "train.pack").unlink()
    assert data.available(tmp_path) == ("food11-mini",)


def test_an_unknown_set_names_those_there_are(tmp_path: Path) -> None:
    make(tmp_path / "datasets" / "food11")
    with pytest.raises(data.NoSuchDataSet, match=r"food11-mini, food11"):
        data.load("food12", tmp_path)


def test_digest_covers_both_splits(tmp_path: Path) -> None:
    make(tmp_path / "datasets" / "a")
    make(tmp_path / "datasets" / "b")
    assert data.load("a", tmp_path).digest == data.load("b", tmp_path).digest
    with PackWriter(tmp_path / "datasets" / "b" / "train.pack", 8, Encoding.RAW, {"classes": ["a", "b"]}) as pack:
        pack.append(bytes(8 * 8 * 3), 0)
    assert data.load("a", tmp_path).digest != data.load("b", tmp_path).digest


def test_images_are_normalised_as_in_imagenet() -> None:
    split = data.load().hidden
    pixels = split.pixels([7])[0].astype(np.float64)
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert split.images([7], 64)[0] == pytest.approx(expected.transpose(2, 0, 1), abs=1e-6)


def test_images_are_the_same_bits_every_time_and_in_any_order() -> None:
    split = data.load().hidden
    both = split.images([3, 9], 224)
    assert both.dtype == np.float32
    assert np.array_equal(both[1], data.load().hidden.images([9], 224)[0])


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys; from grader import data; data.load().hidden.images(slice(2), 224);"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_decoding_is_quick_beside_resizing() -> None:
    """Decoding and checking a picture must not be what a measurement waits for."""
    from time import process_time

    split = data.load().hidden
    split.images(slice(20), 224)

    def seconds(size: int) -> float:
        begin = process_time()
        split.images(slice(200), size)
        return process_time() - begin

    stored = min(seconds(64) for _ in range(3))
    enlarged = min(seconds(224) for _ in range(3))
    assert stored < enlarged
