from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from reference_models.pack import DamagedPack, Encoding, Pack, PackWriter

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (5, 6, 6, 3), dtype=np.uint8)
LABELS = [4, 0, 10, 7, 0]


def write(path: Path) -> Pack:
    with PackWriter(path, 6, Encoding.RAW, {"classes": ["Bread", "Dairy"]}) as pack:
        for image, label in zip(IMAGES, LABELS, strict=True):
            pack.append(image.tobytes(), label)
    return Pack(path)


def test_packed_images_are_read_back(tmp_path: Path) -> None:
    pack = write(tmp_path / "a.pack")
    assert len(pack) == 5
    assert pack.size == 6
    assert pack.metadata == {"classes": ["Bread", "Dairy"]}
    assert pack.labels.tolist() == LABELS
    assert (pack.pixels(slice(None)) == IMAGES).all()
    assert (pack.pixels([3, 1]) == IMAGES[[3, 1]]).all()


def test_equal_content_has_equal_digests_and_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.pack").digest == write(tmp_path / "b.pack").digest
    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


def test_another_label_is_another_digest(tmp_path: Path) -> None:
    first = write(tmp_path / "a.pack")
    with PackWriter(tmp_path / "b.pack", 6, Encoding.RAW, first.metadata) as writer:
        for image, label in zip(IMAGES, [*LABELS[:-1], 1], strict=True):
            writer.append(image.tobytes(), label)
    assert Pack(tmp_path / "b.pack").digest != first.digest


def test_a_pack_without_images_is_empty(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "a.pack", 6, Encoding.RAW, {}):
        pass
    pack = Pack(tmp_path / "a.pack")
    assert len(pack) == 0
    assert pack.pixels(slice(None)).shape == (0, 6, 6, 3)


def test_a_changed_byte_is_found_in_its_image_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.pack"
    write(path)
    data = bytearray(path.read_bytes())
    data[8 + 2 * IMAGES[0].size] ^= 1
    path.write_bytes(data)
    pack = Pack(path)
    assert (pack.pixels([0, 1, 3, 4]) == IMAGES[[0, 1, 3, 4]]).all()
    with pytest.raises(DamagedPack, match="changed since it was packed"):
        pack.pixels([2])


def test_a_damaged_table_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "a.pack"
    write(path)
    whole = path.read_bytes()
    table = 8 + IMAGES.size
    for position in range(table, len(whole)):
        data = bytearray(whole)
        data[position] ^= 1
        path.write_bytes(data)
        with pytest.raises(DamagedPack):
            Pack(path)


@pytest.mark.parametrize("kept", [0, 8, 40, 200, -1])
def test_a_cut_file_does_not_open(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.pack"
    write(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedPack):
        Pack(path)


def test_another_file_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "a.pack"
    path.write_bytes(hashlib.sha256(b"x").digest() * 9)
    with pytest.raises(DamagedPack, match="is no pack"):
        Pack(path)


def test_an_exception_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with PackWriter(tmp_path / "a.pack", 6, Encoding.RAW, {}) as pack:
            pack.append(IMAGES[0].tobytes(), 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
