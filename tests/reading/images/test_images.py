"""Images, for models that see."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import structgen
from structgen import DocumentError


def picture(kind: str, size: tuple[int, int] = (8, 4), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_images_that_models_take_stay_as_they_are(kind: str) -> None:
    data = picture(kind)
    document = structgen.read(data)
    [image] = document.images
    assert document == ""
    assert image == (data, f"image/{kind.lower()}", 8, 4)


def test_other_images_become_png() -> None:
    [image] = structgen.read(picture("BMP")).images
    assert (image.media_type, image.width, image.height) == ("image/png", 8, 4)
    first, second = Image.new("L", (8, 4)), Image.new("L", (6, 6))
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=[second])
    pages = structgen.read(file.getvalue(), name="scan.tiff").pages
    assert [(page.number, page.width, page.height) for page in pages] == [(1, 8, 4), (2, 6, 6)]


def test_photographs_are_turned_as_they_were_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    [image] = structgen.read(picture("JPEG", exif=exif)).images
    assert (image.width, image.height) == (4, 8)


SHADES = (0, 0.25, 0.5, 1)


@pytest.mark.parametrize(
    ("mode", "white"),
    [("I;16", 65_535), ("I", 65_535), ("I", 255), ("F", 1), ("F", 255), ("F", 70_000)],
)
def test_shades_of_wide_numbers_stay_apart(mode: str, white: int) -> None:
    """Pillow cuts off what is above 255: a scan of 16 bits would be white all over."""
    wide = Image.new(mode, (4, 1))
    wide.putdata([shade * white if mode == "F" else int(shade * white) for shade in SHADES])
    file = io.BytesIO()
    wide.save(file, "TIFF")
    [image] = structgen.read(file.getvalue(), name="scan.tiff").images
    seen = Image.open(io.BytesIO(image.data)).convert("L").tobytes()
    assert all(abs(one - 255 * shade) <= 1 for one, shade in zip(seen, SHADES, strict=True))


def test_what_is_transparent_is_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (1, 1), (0, 0, 0, 0)).save(file, "TIFF")
    [image] = structgen.read(file.getvalue(), name="logo.tiff").images
    assert Image.open(io.BytesIO(image.data)).convert("RGB").tobytes() == b"\xff\xff\xff"


def test_an_image_may_not_fill_the_memory() -> None:
    with pytest.raises(DocumentError, match="8000 x 8000 pixels") as caught:
        structgen.read(picture("PNG", (8000, 8000)))
    assert caught.value.reason == "too-large"
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    with pytest.raises(DocumentError, match=r"has more than 178,956,970 pixels") as caught:
        structgen.read(file.getvalue())
    assert caught.value.reason == "too-large"
    with pytest.raises(DocumentError, match="damaged"):
        structgen.read(picture("PNG")[:30])
