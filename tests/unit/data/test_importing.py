from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from app.cli import app
from grader import data
from grader.data.importing import ImportResult, NothingToImport, Reason, SkippedFile, import_food11
from reference_models.pack import DamagedPack
from reference_models.transform import resize_and_crop

RNG = np.random.default_rng(11)


def photograph(width: int = 300, height: int = 260, mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    noise = RNG.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height)).convert(mode).save(target, "JPEG")
    return target.getvalue()


@pytest.fixture
def food11(tmp_path: Path) -> Path:
    """A small real set: three folders, one cut image, one that is no image, one wrong name, one wrong label."""
    source = tmp_path / "food11-hw13"
    files = {
        "training/0_0.jpg": photograph(),
        "training/3_1.jpg": photograph(260, 400),
        "training/10_2.JPG": photograph(mode="L"),
        "training/5_3.jpg": photograph()[:2000],
        "validation/1_0.jpg": photograph(),
        "evaluation/7_0.jpg": photograph(),
        "evaluation/2_11.jpg": photograph(512, 384),
        "evaluation/2_12.jpg": b"<html>not found</html>",
        "evaluation/bread.jpg": photograph(),
        "evaluation/11_0.jpg": photograph(),
        "readme.txt": b"Food-11",
    }
    for name, content in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return source


LEFT_OUT = {
    SkippedFile("training/5_3.jpg", Reason.BROKEN),
    SkippedFile("evaluation/2_12.jpg", Reason.BROKEN),
    SkippedFile("evaluation/bread.jpg", Reason.NAME),
    SkippedFile("evaluation/11_0.jpg", Reason.LABEL),
    SkippedFile("readme.txt", Reason.PLACE),
}


def quietly(done: int, total: int) -> None:
    assert 0 <= done <= total


def test_folders_become_splits_and_unusable_files_are_listed(food11: Path, tmp_path: Path) -> None:
    imported = import_food11(food11, tmp_path, quietly)
    assert set(imported.skipped) == LEFT_OUT
    assert len(imported.skipped) == len(LEFT_OUT)
    assert (imported.train, imported.hidden, imported.unchanged) == (4, 2, False)
    loaded = data.load("food11", tmp_path)
    assert loaded.train.labels.tolist() == [0, 10, 3, 1]
    assert loaded.hidden.labels.tolist() == [2, 7]
    assert loaded.classes == data.load().classes


def test_pixels_are_those_of_the_test_transform(food11: Path, tmp_path: Path) -> None:
    import_food11(food11, tmp_path, quietly)
    loaded = data.load("food11", tmp_path)
    with Image.open(food11 / "evaluation/2_11.jpg") as image:
        expected = resize_and_crop(image, 256, 224)
    assert loaded.size == 224
    assert np.array_equal(loaded.hidden.pixels([0])[0], expected)
    assert loaded.hidden.images([0], 224).shape == (1, 3, 224, 224)


def test_importing_again_changes_nothing_and_lists_the_same(food11: Path, tmp_path: Path) -> None:
    first = import_food11(food11, tmp_path, quietly)
    packs = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.glob("datasets/food11/*")}
    assert len(packs) == 2
    again = import_food11(food11, tmp_path, quietly)
    assert again == ImportResult(first.train, first.hidden, first.skipped, unchanged=True)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in packs} == packs


def replace_image(food11: Path, packs: Path) -> None:
    (food11 / "evaluation/7_0.jpg").write_bytes(photograph())


def relabel_image(food11: Path, packs: Path) -> None:
    (food11 / "evaluation/7_0.jpg").rename(food11 / "evaluation/8_0.jpg")


def damage_pack(food11: Path, packs: Path) -> None:
    (packs / "hidden.pack").write_bytes(b"ASSAYPK1")


@pytest.mark.parametrize("change", [replace_image, relabel_image, damage_pack])
def test_changed_files_are_packed_again(food11: Path, tmp_path: Path, change: Callable[[Path, Path], None]) -> None:
    import_food11(food11, tmp_path, quietly)
    before = data.load("food11", tmp_path)
    change(food11, tmp_path / "datasets/food11")
    assert not import_food11(food11, tmp_path, quietly).unchanged
    after = data.load("food11", tmp_path)
    assert after.train.digest == before.train.digest
    assert (after.hidden.digest == before.hidden.digest) == (change is damage_pack)


def test_without_evaluation_the_validation_folder_is_hidden(food11: Path, tmp_path: Path) -> None:
    for path in (food11 / "evaluation").iterdir():
        path.unlink()
    (food11 / "evaluation").rmdir()
    imported = import_food11(food11, tmp_path, quietly)
    assert (imported.train, imported.hidden) == (3, 1)


def test_images_alone_are_all_hidden(food11: Path, tmp_path: Path) -> None:
    imported = import_food11(food11 / "evaluation", tmp_path, quietly)
    assert (imported.train, imported.hidden) == (0, 2)
    assert len(data.load("food11", tmp_path).train) == 0


def test_training_images_alone_cannot_measure_anything(food11: Path, tmp_path: Path) -> None:
    (food11 / "only").mkdir()
    (food11 / "training").rename(food11 / "only" / "training")
    with pytest.raises(NothingToImport):
        import_food11(food11 / "only", tmp_path, quietly)
    assert not (tmp_path / "datasets").exists()


def test_progress_ends_at_the_number_of_images(food11: Path, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    import_food11(food11, tmp_path, lambda done, total: heard.append((done, total)))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert {total for _, total in heard} == {8}
    assert heard[-1] == (8, 8)


def test_an_image_changed_on_disk_is_never_used(food11: Path, tmp_path: Path) -> None:
    import_food11(food11, tmp_path, quietly)
    path = tmp_path / "datasets/food11/hidden.pack"
    content = bytearray(path.read_bytes())
    content[8 + 1000] ^= 1
    path.write_bytes(content)
    loaded = data.load("food11", tmp_path)
    assert loaded.hidden.pixels([1]).shape == (1, 224, 224, 3)
    with pytest.raises(DamagedPack):
        loaded.hidden.images([0], 224)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`assay` with a data folder of its own; answers what it printed."""
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path / "var"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments])
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


def test_command_imports_and_lists(food11: Path, shell: Callable[..., str]) -> None:
    printed = shell("dataset", "import", "food11", str(food11))
    assert "food11 is packed: 4 images to train on, 2 hidden" in printed
    for file in LEFT_OUT:
        assert f"  {file.path}: {file.reason}" in printed
    assert "food11 was already packed" in shell("dataset", "import", "food11", str(food11))
    listed = shell("dataset", "list").splitlines()
    assert [line.partition(":")[0] for line in listed] == ["food11-mini", "food11"]
    assert listed[0].endswith(data.load().digest)


def test_command_names_a_damaged_set(food11: Path, tmp_path: Path, shell: Callable[..., str]) -> None:
    shell("dataset", "import", "food11", str(food11))
    path = tmp_path / "var/datasets/food11/hidden.pack"
    path.write_bytes(path.read_bytes()[:-1])
    assert "food11: damaged" in shell("dataset", "list")


def test_command_refuses_a_path_without_a_usable_folder(tmp_path: Path, shell: Callable[..., str]) -> None:
    from app.commands.failures import UnusableInput

    with pytest.raises(UnusableInput, match="not a folder"):
        shell("dataset", "import", "food11", str(tmp_path / "absent"))
    with pytest.raises(UnusableInput, match=r"evaluation"):
        shell("dataset", "import", "food11", str(tmp_path))
