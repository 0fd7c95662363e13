from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from grader import data
from reference_models.food11 import FOLDER, SIZE, draw, menu, scene
from reference_models.pack import Pack

TRAIN_DIGEST = "1285071119a3eb84bcc283abe5767f10aecc166f18be74646dd7c4db6d9125cd"
HIDDEN_DIGEST = "74664f7f6d5103a4a7529e123fb3e952ccb2f4d8dede9e7884f288bfc0382a39"


def test_digests_are_the_recorded_ones() -> None:
    built_in = data.load()
    assert (built_in.train.digest, built_in.hidden.digest) == (TRAIN_DIGEST, HIDDEN_DIGEST)


def test_decoded_pixels_are_the_recorded_ones() -> None:
    """Another WebP decoder must not change the pictures unseen."""
    pixels = data.load().hidden.pixels(slice(None))
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == "d9fa8c1bb8d6b33f"


def test_classes_stand_in_the_homework_s_label_order() -> None:
    assert data.load().classes == (
        "Bread",
        "Dairy product",
        "Dessert",
        "Egg",
        "Fried food",
        "Meat",
        "Noodles/Pasta",
        "Rice",
        "Seafood",
        "Soup",
        "Vegetable/Fruit",
    )


@pytest.mark.parametrize(("split", "each"), [("train", 250), ("hidden", 50)])
def test_every_class_is_equally_frequent(split: str, each: int) -> None:
    labels = getattr(data.load(), split).labels
    assert np.bincount(labels).tolist() == [each] * 11


def test_no_picture_is_in_both_splits_or_twice() -> None:
    built_in = data.load()
    pixels = [*built_in.train.pixels(slice(None)), *built_in.hidden.pixels(slice(None))]
    assert len({image.tobytes() for image in pixels}) == len(pixels) == 3300


def test_drawing_again_gives_the_same_bytes() -> None:
    for split in ("train", "hidden"):
        packed = (FOLDER / f"{split}.pack").read_bytes()
        position = 8
        for index in range(40):
            picture = draw.encode_picture(split, index)
            assert packed[position : position + len(picture)] == picture, f"{split} {index}"
            position += len(picture)


def test_a_whole_drawing_is_a_readable_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "SPLITS", {"train": (2, scene.TRAIN), "hidden": (1, scene.HIDDEN)})
    built_in = data.load()
    train, hidden = (Pack(draw.draw(tmp_path, split)) for split in draw.SHIPPED)
    assert train.labels.tolist() == [*range(11), *range(11)]
    assert (train.pixels(slice(None)) == built_in.train.pixels(slice(22))).all()
    assert (hidden.pixels(slice(None)) == built_in.hidden.pixels(slice(11))).all()


def test_another_font_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "FONT", tmp_path / "NotoColorEmoji.ttf")
    with pytest.raises(draw.OtherFont, match="missing"):
        draw.font()
    (tmp_path / "NotoColorEmoji.ttf").write_bytes(b"a newer font")
    with pytest.raises(draw.OtherFont, match="another version"):
        draw.font()


def test_an_emoji_belongs_to_one_class_only() -> None:
    everything = "".join(dish.glyphs + dish.hidden_glyphs for dish in menu.DISHES) + menu.OTHER_THINGS + menu.CUTLERY
    assert len(set(everything)) == len(everything)


def test_unseen_emoji_are_drawn_in_the_hidden_split_alone() -> None:
    """Each picture is drawn again, noting which emoji it asks for."""
    unseen = set("".join(dish.hidden_glyphs for dish in menu.DISHES))
    for split, conditions in (("train", scene.TRAIN), ("hidden", scene.HIDDEN)):
        asked: set[str] = set()

        def noting(character: str, asked: set[str] = asked) -> object:
            asked.add(character)
            return draw.glyph(character)

        for index in range(110):
            rng = np.random.default_rng([7, index])
            scene.picture(rng, menu.DISHES[index % 11], noting, conditions)  # type: ignore[arg-type]
        assert bool(asked & unseen) == (split == "hidden")


def test_pictures_have_their_size() -> None:
    assert data.load().train.pixels([0]).shape == (1, SIZE, SIZE, 3)
