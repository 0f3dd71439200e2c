"""Images in every wire format: each kind and each way to give one is written as the server wants
it, or refused with a typed error before anything is sent.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel

import structgen
from structgen import Client, InputError
from structgen.prompt.attachments import size_in_pixels
from structgen.providers import capabilities
from structgen.reading.images.pixels import pixel_size
from structgen.testing import ScriptedTransport
from structgen.wire.attachments import counter_of
from structgen.wire.models.image_tokens import Patches, Tiles
from tests.reading.pdfs import lines, pdf_of
from tests.sent import sent

MODELS = {
    "chat": "openai:gpt-6.1-sol",
    "responses": "openai-responses:gpt-6.1-sol",
    "anthropic": "anthropic:claude-opus-4-8",
    "gemini": "gemini-native:gemini-3.8-flash",
    "ollama": "ollama-native:qwen3-vl",
}
KINDS = ("PNG", "JPEG", "GIF", "WEBP")
URL = "https://example.com/receipt.png"
GEMINI_REFUSES_GIF = ("gemini", "GIF")


class Receipt(BaseModel):
    shop: str


def drawn(kind: str, width: int = 9, height: int = 7) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, kind)
    return file.getvalue()


def client(model: str) -> Client:
    return Client(model, api_key="k", transport=ScriptedTransport())


def body_of(one: Client, document: Any) -> str:
    """The body of the request that would be sent."""
    return json.dumps(one.plan(Receipt, document).body)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", MODELS)
def test_an_image_is_written_alike_from_a_path_bytes_and_a_data_url(
    dialect: str, kind: str, tmp_path: Path
) -> None:
    data, path = drawn(kind), tmp_path / "image"
    path.write_bytes(data)
    encoded = base64.b64encode(data).decode()
    url = f"data:image/{kind.lower()};base64,{encoded}"
    images = [structgen.image(source) for source in (path, str(path), data, url)]
    asked = client(MODELS[dialect])
    if (dialect, kind) == GEMINI_REFUSES_GIF:
        with pytest.raises(InputError, match="type image/gif"):
            asked.plan(Receipt, images[0])
        return
    bodies = {body_of(asked, image) for image in images}
    assert len(bodies) == 1
    assert encoded in bodies.pop()


@pytest.mark.parametrize("dialect", MODELS)
def test_an_image_on_another_server_is_given_by_its_url_or_refused(dialect: str) -> None:
    asked = client(MODELS[dialect])
    if dialect == "ollama":
        with pytest.raises(InputError, match="does not fetch images"):
            asked.plan(Receipt, structgen.image(URL))
    else:
        assert URL in body_of(asked, structgen.image(URL))


@pytest.mark.parametrize(
    ("model", "document", "told"),
    [
        ("openai:o3-mini", structgen.image(drawn("PNG")), "reads text alone"),
        ("openai-responses:o3-mini", structgen.image(drawn("PNG")), "reads text alone"),
        ("openai:gpt-6.1-sol", structgen.image(drawn("BMP")), "type image/bmp"),
        ("openai-responses:gpt-6.1-sol", structgen.image(drawn("TIFF")), "type image/tiff"),
        ("anthropic:claude-opus-4-8", structgen.image(drawn("TIFF")), "type image/tiff"),
        ("anthropic:claude-3-5-haiku", [structgen.image(drawn("PNG"))] * 101, "at most 100 images"),
        ("anthropic:claude-opus-4-8", [structgen.image(drawn("PNG"))] * 601, "at most 600 images"),
        ("anthropic:claude-opus-4-8", structgen.image(drawn("PNG", 8001, 1)), "8,000 pixels"),
        (
            "anthropic:claude-opus-4-8",
            [structgen.image(drawn("JPEG", 2001, 1))] * 21,
            "2,000 pixels a side if there are 21",
        ),
        ("gemini-native:gemini-3.8-flash", structgen.image(drawn("BMP")), "type image/bmp"),
        ("ollama-native:m", structgen.image(drawn("BMP")), "type image/bmp"),
        ("ollama-native:m", structgen.file(b"%PDF-1.7\n%%EOF\n"), "reads no files"),
    ],
)
def test_what_a_model_does_not_take_is_told_before_anything_is_sent(
    model: str, document: Any, told: str
) -> None:
    asked = client(model)
    for call in (asked.plan, asked.extract):
        with pytest.raises(InputError, match=told):
            call(Receipt, document)
    assert not sent(asked)


def test_up_to_20_large_images_are_taken() -> None:
    shown = [structgen.image(drawn("PNG", 2001, 1))] * 20
    client("anthropic:claude-opus-4-8").plan(Receipt, shown)


@pytest.mark.parametrize("dialect", MODELS)
def test_pages_of_a_pdf_are_sent_as_images(dialect: str) -> None:
    pdf = pdf_of([lines("Mill", 72, 72), lines("Total 12.50", 72, 72)])
    pages = structgen.read(pdf, pages="images", dpi=40)
    body = body_of(client(MODELS[dialect]), pages)
    assert [base64.b64encode(page.data).decode() in body for page in pages.images] == [True] * 2


def test_too_many_pages_are_told_and_page_numbers_choose_among_them() -> None:
    pdf = pdf_of([lines(f"Page {number}", 72, 72) for number in range(4)])
    asked = client("groq:qwen/qwen3.8-27b")
    with pytest.raises(InputError, match=r"at most 3 images.*page_numbers"):
        asked.plan(Receipt, structgen.read(pdf, pages="images", dpi=20))
    asked.plan(Receipt, structgen.read(pdf, pages="images", dpi=20, page_numbers=[1, 4]))


# ---- sizes and tokens ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (9, 7), (640, 480), (3000, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_bytes_tell_the_size(kind: str, size: tuple[int, int]) -> None:
    data = drawn(kind, *size)
    assert pixel_size(data) == size
    assert size_in_pixels(structgen.image(data)) == size
    for end in range(len(data)):
        assert pixel_size(data[:end]) in (None, size)


def test_the_size_is_found_behind_long_metadata() -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "x" * 50_000
    Image.new("RGB", (30, 20)).save(file, "JPEG", exif=exif)
    assert size_in_pixels(structgen.image(file.getvalue())) == (30, 20)
    lossless = io.BytesIO()
    Image.new("RGBA", (30, 20)).save(lossless, "WEBP", lossless=True)
    assert pixel_size(lossless.getvalue()) == (30, 20)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"RIFF1234WEBP", b"GIF89a", b"%PDF-1.7"])
def test_what_does_not_tell_its_size_has_none(data: bytes) -> None:
    assert pixel_size(data) is None


def test_an_image_whose_size_is_not_known_counts_as_usual() -> None:
    broken = "data:image/png;base64,?"
    assert size_in_pixels({"type": "image_url", "image_url": {"url": broken}}) is None
    assert size_in_pixels({"type": "image_url", "image_url": {"url": URL}}) is None


def test_tiles_and_patches_count_as_the_providers_examples_do() -> None:
    tiles, patches = Tiles(85, 170), Patches(32, 1536)
    assert [tiles.tokens(1024, 1024), tiles.tokens(2048, 4096)] == [765, 1105]
    assert tiles.tokens(4096, 8192, "low") == 85
    assert [patches.tokens(1024, 1024), patches.tokens(1800, 2400)] == [1024, 1452]


@pytest.mark.parametrize("rule", [Patches(32, 1536, None, 2.46), Patches(28, 1568, 1568)])
@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 3), (8000, 8000), (28, 28)])
def test_patches_are_at_least_one_and_at_most_as_many_as_there_may_be(
    rule: Patches, size: tuple[int, int]
) -> None:
    assert 1 <= rule.tokens(*size) <= rule.most * rule.factor + 1


@pytest.mark.parametrize(
    ("provider", "model", "size", "detail", "tokens"),
    [
        ("openai", "gpt-4o", (1024, 1024), None, 765),
        ("openai", "gpt-4o", (1024, 1024), "low", 85),
        ("openai", "gpt-4o-mini-2024-07-18", (512, 512), None, 8500),
        ("openai", "gpt-4.1-mini", (1024, 1024), None, 1659),
        ("openai-responses", "gpt-5", (512, 512), None, 210),
        ("openai", "gpt-5-nano", (32, 32), None, 3),
        ("anthropic", "claude-opus-4-8", (280, 28), None, 10),
        ("gemini-native", "gemini-2.5-flash", (280, 28), None, 258),
        ("openai", "gpt-6.1-sol", (280, 28), None, 2048),
    ],
)
def test_an_image_counts_by_its_size_as_its_model_counts_it(
    provider: str, model: str, size: tuple[int, int], detail: Any, tokens: int
) -> None:
    count = counter_of(capabilities(provider, model), model)
    assert count(structgen.image(drawn("PNG", *size), detail=detail)) == tokens
    assert count(structgen.file(b"%PDF-1.7\n%%EOF\n")) == 2048
    if size != (280, 28):
        assert count(structgen.image(URL)) == 2048


def test_a_plan_counts_an_image_by_its_size() -> None:
    asked = client("anthropic:claude-opus-4-8")
    bare = asked.plan(str, "Who?").tokens
    small, large = (
        asked.plan(str, ["Who?", structgen.image(drawn("PNG", *size))]).tokens - bare
        for size in ((280, 280), (2800, 28))
    )
    assert 100 <= small <= 140
    assert 92 <= large <= 132
