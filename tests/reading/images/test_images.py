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


def test_an_image_may_not_fill_the_memory() -> None:
    with pytest.raises(DocumentError, match="8000 x 8000 pixels") as caught:
        structgen.read(picture("PNG", (8000, 8000)))
    assert caught.value.reason == "too-large"
    with pytest.raises(DocumentError, match="damaged"):
        structgen.read(picture("PNG")[:30])
