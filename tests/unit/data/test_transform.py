"""Our pixels against torchvision's own transforms, bit for bit."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from reference_models import vision
from reference_models.transform import DEVIATION, MEAN, normalise, resize, resize_and_crop

vision.load()
from torchvision import transforms  # noqa: E402

RNG = np.random.default_rng(5)


def test_normalised_equals_torchvision() -> None:
    images = RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    images[0, :16, :16] = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    theirs = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)])
    expected = torch.stack([theirs(Image.fromarray(image)) for image in images])
    assert torch.equal(torch.from_numpy(normalise(images)), expected)


@pytest.mark.parametrize("shape", [(300, 400), (401, 299), (256, 256), (120, 97), (224, 1000), (257, 333)])
def test_resize_and_crop_equals_torchvision(shape: tuple[int, int]) -> None:
    image = Image.fromarray(RNG.integers(0, 256, (*shape, 3), dtype=np.uint8))
    theirs = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    assert (resize_and_crop(image, 256, 224) == np.asarray(theirs(image))).all()


def test_grey_and_palette_images_become_rgb() -> None:
    grey = Image.fromarray(RNG.integers(0, 256, (260, 280), dtype=np.uint8))
    assert resize_and_crop(grey, 256, 224).shape == (224, 224, 3)
    assert resize_and_crop(grey.convert("P"), 256, 224).shape == (224, 224, 3)


def test_resizing_gives_the_recorded_bits() -> None:
    """Stored logits and reference accuracies hold for these bits: another Pillow must not change them unseen."""
    images = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    digests = {size: hashlib.sha256(resize(images, size).tobytes()).hexdigest()[:16] for size in (32, 48, 224)}
    assert digests == {32: "de8dc518641991c3", 48: "414dbc4e9377971c", 224: "ca6056053553e1b2"}


def test_the_stored_size_is_left_alone() -> None:
    images = RNG.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    assert (resize(images, 64) == images).all()


def test_no_images_stay_no_images() -> None:
    assert normalise(resize(np.empty((0, 64, 64, 3), np.uint8), 224)).shape == (0, 3, 224, 224)
