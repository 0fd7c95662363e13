"""Draw the miniature Food-11 again: ``python -m reference_models.food11.draw [FOLDER]``.

The font is Debian's ``fonts-noto-color-emoji``; the same font file and the pinned Pillow and NumPy give the same bytes.
Each picture has its own generator, seeded by split and index, so that one can be drawn without the others.
"""

from __future__ import annotations

import hashlib
import io
import sys
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reference_models.food11 import FOLDER, SIZE
from reference_models.food11.menu import CLASSES, DISHES
from reference_models.food11.scene import HIDDEN, TRAIN, Conditions, picture
from reference_models.pack import Encoding, PackWriter

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_SHA256 = "e5899ed38b8ed83e08bd3ac5de09791e9d19d288333a796de1d35ad17396f1ec"
SOURCE = "Noto Color Emoji 2.042 (Google), SIL Open Font License 1.1"
_GLYPH_SIZE = 109
"""The only size in pixels that the font's bitmaps have."""
_QUALITY = 80
SEED = 11
SPLITS: dict[str, tuple[int, Conditions]] = {"train": (250, TRAIN), "hidden": (50, HIDDEN), "lessons": (1250, TRAIN)}
"""Number of pictures of each class, and their conditions. ``lessons`` are drawn only to train the teacher."""
SHIPPED = ("train", "hidden")


class OtherFont(Exception):
    """The font is missing or is not the version that the data are drawn with."""


def font() -> ImageFont.FreeTypeFont:
    """The emoji font. Raises `OtherFont`."""
    try:
        data = FONT.read_bytes()
    except OSError as error:
        raise OtherFont(f"{FONT} is missing: install Debian's fonts-noto-color-emoji") from error
    if hashlib.sha256(data).hexdigest() != FONT_SHA256:
        raise OtherFont(f"{FONT} is another version than 2.042, so the pictures would differ")
    return ImageFont.truetype(io.BytesIO(data), _GLYPH_SIZE)


@cache
def glyph(character: str) -> Image.Image:
    """One emoji as the font has it, RGBA. Raises `OtherFont`."""
    image = Image.new("RGBA", (136, 128))
    ImageDraw.Draw(image).text((0, 0), character, font=_font(), embedded_color=True)
    return image


def encode_picture(split: str, index: int) -> bytes:
    """Draw picture ``index`` of ``split`` as WebP. Picture i shows class i modulo 11."""
    split_number = list(SPLITS).index(split)
    rng = np.random.default_rng([SEED, split_number, index])
    pixels = picture(rng, DISHES[index % len(DISHES)], glyph, SPLITS[split][1])
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=_QUALITY, method=6)
    return stream.getvalue()


def draw(folder: Path, split: str) -> Path:
    """Write the split's pack into ``folder``. Raises `OtherFont`."""
    path = folder / f"{split}.pack"
    metadata = {"name": "food11-mini", "split": split, "classes": list(CLASSES), "source": SOURCE}
    with PackWriter(path, SIZE, Encoding.WEBP, metadata) as pack:
        for index in range(SPLITS[split][0] * len(DISHES)):
            pack.append(encode_picture(split, index), index % len(DISHES))
    return path


_font = cache(font)


if __name__ == "__main__":
    for split in SHIPPED:
        draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, split)
