"""Stored pixels to a network's input, with numpy and Pillow alone; the same bits as torchvision.

The mean and deviation are ImageNet's, as the homework's notebook normalises with them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Square images ``(N, H, H, 3)`` at ``(N, size, size, 3)``, bilinear (antialiased when smaller), in integers."""
    result = np.empty((len(images), size, size, 3), np.uint8)
    for target, image in zip(result, images, strict=True):
        target[:] = np.asarray(Image.fromarray(image).resize((size, size), _BILINEAR))
    return result


def normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images ``(N, H, W, 3)`` as ``(N, 3, H, W)``: ``(x / 255 - mean) / deviation``, in float32 step by step.

    A pixel has 256 values in three channels, so the results come from a table of 768 entries.
    """
    planes = images.transpose(0, 3, 1, 2)
    result = np.empty(planes.shape, np.float32)
    for channel in range(3):
        np.take(_TABLE[channel], planes[:, channel], out=result[:, channel])
    return result


def resize_and_crop(image: Image.Image, shorter_side: int, crop: int) -> NDArray[np.uint8]:
    """The homework's test transform: the middle ``(crop, crop, 3)`` of an image scaled to ``shorter_side``.

    Equals torchvision's ``Resize`` and ``CenterCrop`` on a Pillow image; ``crop`` is at most ``shorter_side``.
    """
    width, height = image.size
    if width <= height:
        width, height = shorter_side, int(shorter_side * height / width)
    else:
        width, height = int(shorter_side * width / height), shorter_side
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    resized_image = image.convert("RGB").resize((width, height), _BILINEAR)
    return np.asarray(resized_image.crop((left, top, left + crop, top + crop)))


_BILINEAR = Image.Resampling.BILINEAR


def _table() -> NDArray[np.float32]:
    unit = np.arange(256, dtype=np.float32) / np.float32(255)
    mean, deviation = (np.array(values, np.float32)[:, None] for values in (MEAN, DEVIATION))
    table: NDArray[np.float32] = (unit[None] - mean) / deviation
    return table


_TABLE = _table()
