"""Images and files: made of anything, refused before sending, counted, and extracted from."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

import structgen
from structgen import Client, InputError, Verbatim
from structgen.providers import AttachmentLimits, capabilities
from structgen.reading.opening.sniffing import sniff_media_type
from structgen.testing import ScriptedTransport
from structgen.types import Attachment, DocumentLike
from tests.sent import sent

MODEL = "groq:qwen/qwen3.8-27b"
TEXT_ALONE = "groq:openai/gpt-oss-20b"
BO = '{"name":"Bo","age":9}'


class Person(BaseModel):
    name: str
    age: int


class Quoted(BaseModel):
    name: Annotated[str, Verbatim()]


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return len(data).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0")
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)
"""One grey pixel."""
PDF = b"%PDF-1.7\n%%EOF\n"
HEADS = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 16,
    "image/gif": b"GIF89a" + b"\0" * 16,
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/bmp": b"BM" + b"\0" * 20,
    "image/tiff": b"II*\0" + b"\0" * 20,
    "image/avif": b"\0\0\0\x1cftypavif",
    "image/heic": b"\0\0\0\x1cftypheic",
    "application/pdf": PDF,
}


def client(model: str = MODEL, *answers: str, **more: Any) -> Client:
    script = ScriptedTransport(*(answers or (BO,)))
    return Client(model, api_key="k", transport=script, **more)


def content(one: Client) -> Any:
    return json.loads(sent(one)[0].body)["messages"][-1]["content"]


# ---- builders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", HEADS)
def test_the_first_bytes_tell_the_media_type(media_type: str) -> None:
    assert sniff_media_type(HEADS[media_type]) == media_type


@pytest.mark.parametrize("data", [b"", b"P", b"hello", b"RIFF\x10\0\0\0WAVEfmt ", b"\xff\xd8"])
def test_what_is_no_image_is_told(data: bytes) -> None:
    assert sniff_media_type(data) is None
    with pytest.raises(InputError, match="not an image of a known kind"):
        structgen.image(data)


def test_an_image_is_made_of_a_path_bytes_or_a_url(tmp_path: Path) -> None:
    path = tmp_path / "photo.dat"  # its name does not matter
    path.write_bytes(PNG)
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    for made in (
        structgen.image(path),
        structgen.image(str(path)),
        structgen.image(PNG),
        structgen.image(url),
    ):
        assert made == {"type": "image_url", "image_url": {"url": url}}
        assert made.media_type == "image/png"
    remote = structgen.image("https://example.com/a.png", detail="low")
    assert remote["image_url"] == {"url": "https://example.com/a.png", "detail": "low"}
    assert remote.media_type is None


def test_a_file_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(PDF)
    made = structgen.file(path)
    held = made["file"]
    assert (held["filename"], made.media_type) == ("invoice.pdf", "application/pdf")
    assert base64.b64decode(held["file_data"].partition(",")[2]) == PDF
    assert structgen.file(b"a,b", name="table.csv").media_type == "text/csv"
    with pytest.raises(InputError, match="unknown kind"):
        structgen.file(b"abc")


@pytest.mark.parametrize("source", ["no/such/file.png", "\0", 5, None])
def test_what_cannot_be_read_is_an_input_error(source: Any) -> None:
    with pytest.raises(InputError):
        structgen.image(source)


def test_the_repr_of_an_image_has_no_data() -> None:
    made = structgen.image(PNG)
    assert "base64" not in repr(made)
    assert "image/png" in repr(made)
    assert json.loads(json.dumps(made)) == dict(made)


# ---- extraction ----------------------------------------------------------------------------------


def test_an_image_is_extracted_from_alone_or_with_texts() -> None:
    picture = structgen.image(PNG)
    alone, mixed = client(), client()
    assert alone.extract(Person, picture) == Person(name="Bo", age=9)
    assert content(alone) == [dict(picture)]
    assert mixed.extract(Person, ["The badge:", picture]).name == "Bo"
    assert content(mixed) == [{"type": "text", "text": "The badge:"}, dict(picture)]


def test_an_image_may_stand_in_messages_and_in_chat() -> None:
    messages = [{"role": "user", "content": [structgen.image(PNG)]}]
    one, other = client(), client()
    one.extract(Person, messages)
    other.chat.completions.create(messages=messages)
    assert content(one) == content(other) == messages[0]["content"]


def test_images_are_mapped_over() -> None:
    documents: list[DocumentLike] = [structgen.image(PNG), ["A badge:", structgen.image(PNG)]]
    outcomes = list(client(MODEL, BO, BO).map(Person, documents))
    assert [outcome.value for outcome in outcomes] == [Person(name="Bo", age=9)] * 2


def test_a_value_to_copy_needs_a_text() -> None:
    with pytest.raises(InputError, match="no text to copy from"):
        client(MODEL, '{"name":"Bo"}').extract(Quoted, structgen.image(PNG))
    found = client(MODEL, '{"name":"Bo"}').extract_result(
        Quoted, ["I am Bo.", structgen.image(PNG)]
    )
    assert found.evidence["/name"].quote == "Bo"


# ---- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "document", "told"),
    [
        (TEXT_ALONE, structgen.image(PNG), "reads text alone"),
        (MODEL, [structgen.image(PNG)] * 4, "at most 3 images"),
        (MODEL, structgen.file(PDF), "reads no files"),
        (MODEL, structgen.image(HEADS["image/bmp"]), "of type image/bmp"),
        (MODEL, structgen.image(PNG + b"\0" * 15_000_000), "takes at most 20,000,000"),
        ("ollama:m", structgen.image("https://example.com/a.png"), "does not fetch images"),
    ],
    ids=["text", "count", "file", "kind", "size", "url"],
)
def test_what_a_model_does_not_take_is_refused_before_sending(
    model: str, document: Any, told: str
) -> None:
    asked = client(model)
    for call in (asked.extract, asked.plan):
        with pytest.raises(InputError, match=told):
            call(Person, document)
    with pytest.raises(InputError, match=told):
        parts = document if isinstance(document, list) else [document]
        asked.chat.completions.create(messages=[{"role": "user", "content": parts}])
    assert not sent(asked)


def test_a_row_of_the_users_own_says_what_a_model_takes() -> None:
    row = capabilities("groq", "openai/gpt-oss-20b")
    able = client(TEXT_ALONE, capabilities=(replace(row, attachments=AttachmentLimits(images=1)),))
    able.extract(Person, structgen.image(PNG))
    with pytest.raises(InputError, match="at most 1 images"):
        able.extract(Person, [structgen.image(PNG), structgen.image(PNG)])


def test_of_an_unknown_server_nothing_is_assumed() -> None:
    client("vllm:m").extract(Person, [structgen.image(HEADS["image/tiff"]), structgen.file(PDF)])


# ---- tokens --------------------------------------------------------------------------------------


def test_an_image_counts_for_what_providers_count_not_for_its_bytes() -> None:
    small, large = structgen.image(PNG), structgen.image(PNG + b"\0" * 1_000_000)
    plans = [client().plan(Person, one).tokens for one in (small, large)]
    assert abs(plans[0] - plans[1]) < 50
    assert 2048 < plans[0] < 2600
    assert isinstance(small, Attachment)


@pytest.mark.parametrize(
    ("spec", "per_image"),
    [("groq:qwen/qwen3.8-27b", 2048), ("gemini-native:gemini-3.8-flash", 1120), ("vllm:m", 2048)],
)
def test_an_image_counts_as_its_model_counts_it(spec: str, per_image: int) -> None:
    client = Client(spec, api_key="k")
    bare = client.plan(str, "Who?").tokens
    seen = client.plan(str, ["Who?", structgen.image(PNG)]).tokens
    assert per_image <= seen - bare <= per_image + 40
