"""Images for a model in this process: shown through its projector, held to the schema, counted by
the library, never mixed up in the cache, and refused in words.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from PIL import Image
from pydantic import BaseModel, Field

import structgen
from structgen import Client, ConfigurationError, InputError
from structgen.errors import (
    EngineError,
    EnginePromptTooLongError,
    ModelCorruptError,
    ModelMissingError,
)
from structgen.local.engine import Engine, open_engine
from structgen.local.models.pictures import picture_of
from structgen.local.runtimes.prefixes import FixedTokens
from structgen.options import OptionArgs, Options
from structgen.reading.images import opened as images_opened
from structgen.values import FixedMessage
from tests.local.tiny_vision import KINDS, PARTS_TEMPLATE, picture, write_model, write_projector
from tests.reading.pdfs import lines, pdf_of
from tests.servers import llama_cpp

BUILDS = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
INSTALLED = [runtime for runtime, package in BUILDS.items() if importlib.util.find_spec(package)]
ONE = Options(max_tokens=1, logprobs=True)
SCHEMA = {
    "type": "object",
    "properties": {
        "shop": {"type": "string", "maxLength": 6},
        "paid": {"type": "boolean"},
    },
    "required": ["shop", "paid"],
    "additionalProperties": False,
}
AROUND = 24
"""Tokens that projectors put before an image: they are the same for every image."""
LETTERS = {"enum": list("abcdefgh")}
RED, BLUE = picture(1), picture(2)


class Receipt(BaseModel):
    shop: Annotated[str, Field(max_length=6)]
    paid: bool
    kind: Literal["bill", "receipt"]


class Files(NamedTuple):
    model: Path
    projector: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """A model and a projector of each kind."""
    folder = tmp_path_factory.mktemp("models")
    return {
        kind: Files(
            write_model(folder / f"{kind}.gguf", architecture),
            write_projector(folder / f"{kind}-projector.gguf", kind),
        )
        for kind, architecture in KINDS.items()
    }


@pytest.fixture(params=[(build, kind) for build in INSTALLED for kind in KINDS], ids="-".join)
def sighted(request: Any, files: dict[str, Files]) -> Iterator[Engine]:
    """An engine of each build and kind."""
    build, kind = request.param
    with opened(files[kind], runtime=build, parallel=2) as engine:
        yield engine


@pytest.fixture
def client(files: dict[str, Files]) -> Iterator[Client]:
    model, projector = files["idefics3"]
    # A model of random weights may repeat itself, which ends a value early.
    options: OptionArgs = {"max_tokens": 300, "on_shortened": "keep"}
    with Client(f"local:{model}", mmproj=projector, **options) as client:
        yield client


def opened(files: Files, **more: Any) -> Engine:
    return open_engine(str(files.model), mmproj=files.projector, threads=1, **more)


def asked(*content: bytes | str, system: str = "Read the receipt.") -> list[dict[str, Any]]:
    parts = [
        structgen.image(one) if isinstance(one, bytes) else {"type": "text", "text": one}
        for one in content
    ]
    return [{"role": "system", "content": system}, {"role": "user", "content": parts}]


def view(engine: Engine, *content: bytes | str) -> list[float]:
    """The logarithms of the probabilities of some answers: how the model sees a prompt."""
    answer = asyncio.run(engine.adecide(asked(*content), LETTERS))
    (options,) = answer.alternatives.values()
    return [math.log(chance) for _, chance in sorted(options, key=lambda option: str(option[0]))]


def differ(one: list[float], other: list[float]) -> float:
    return max(abs(first - second) for first, second in zip(one, other, strict=True))


def cached(engine: Engine, *content: bytes | str) -> int:
    return engine.generate(asked(*content), options=ONE).usage.cached_tokens


# ---- what is seen --------------------------------------------------------------------------------


def test_an_answer_about_an_image_is_held_to_its_schema(sighted: Engine) -> None:
    answer = sighted.generate(asked("Here:", RED, "Well?"), SCHEMA, Options(max_tokens=120))
    record = json.loads(answer.text or "")
    assert record.keys() == {"shop", "paid"}
    assert len(record["shop"]) <= 6
    assert isinstance(record["paid"], bool)
    assert answer.finish_reason == "stop"


def test_an_image_changes_what_is_written_and_the_cache_mixes_up_none(sighted: Engine) -> None:
    seen = [view(sighted, image, "Well?") for image in (RED, BLUE, RED, BLUE)]
    assert differ(seen[0], seen[1]) > 0.1
    assert max(map(differ, seen[2:], seen[:2])) < 0.02


def test_an_image_is_read_once_for_several_questions(sighted: Engine) -> None:
    view(sighted, RED, "Which shop?")
    of_image = sighted.count(asked(RED)) - sighted.count(asked())
    assert of_image > 0
    with_image = cached(sighted, RED, "Paid?")
    assert with_image >= cached(sighted, BLUE, "Paid?") + of_image - AROUND


def test_answers_about_images_at_the_same_time_are_those_one_by_one(sighted: Engine) -> None:
    shown = [(RED, "one"), (BLUE, "another"), ("Before", BLUE, RED, "two")]
    alone = [view(sighted, *content) for content in shown]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda content: view(sighted, *content), shown * 2))
    assert max(map(differ, together, alone * 2)) < 0.02


def test_an_image_may_be_longer_than_a_batch_and_begin_in_the_middle_of_one(
    files: dict[str, Files],
) -> None:
    large = picture(3, 448, 420)  # 960 tokens
    text = "x" * 300
    with opened(files["qwen2vl_merger"], context=4096) as engine:
        whole = view(engine, text, large, "Well?")
        assert engine.count(asked(large)) > 900
        assert cached(engine, text, large, "Well!") > 1200
        view(engine, "Something else.")
    with opened(files["qwen2vl_merger"], context=4096) as engine:
        view(engine, text)
        assert differ(view(engine, text, large, "Well?"), whole) < 0.02


@pytest.mark.parametrize("kind", ["idefics3", "qwen2vl_merger"])
def test_the_model_sees_what_it_sees_in_llama_cpps_own_server(
    files: dict[str, Files], kind: str
) -> None:
    shown = asked("Before", RED, "between", BLUE, "Well?")
    with (
        llama_cpp(files[kind].model, mmproj=files[kind].projector, parallel=1) as server,
        Client("llamacpp:tiny", base_url=server.base_url, api_key=server.api_key) as remote,
        opened(files[kind]) as engine,
    ):
        theirs = remote.chat.completions.create(
            messages=shown, max_tokens=1, temperature=0, logprobs=True
        )
        ours = engine.generate(shown, options=ONE)
        assert theirs.usage is not None
        assert ours.usage.prompt_tokens == theirs.usage.prompt_tokens
        assert engine.count(shown) == theirs.usage.prompt_tokens


# ---- as documents --------------------------------------------------------------------------------


def test_images_are_extracted_from_like_texts(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(4, kind="JPEG"))
    image = structgen.image(RED)
    result = client.extract_result(Receipt, image)
    assert result.attempts[-1].mode == "decoder"
    assert result.usage.prompt_tokens > 100
    assert isinstance(client.extract(Receipt, path), Receipt)
    *_, last = client.stream(Receipt, image)
    assert isinstance(last.value, Receipt)
    outcomes = client.map(Receipt, [image, ["The back:", structgen.image(BLUE)]])
    assert [type(outcome.value) for outcome in outcomes] == [Receipt, Receipt]
    assert client.plan(Receipt, image).mode == "decoder"


def test_pages_of_a_pdf_are_shown_as_images(client: Client) -> None:
    document = structgen.read(pdf_of([lines("Total 12.50", 72, 72)]), pages="images", dpi=30)
    result = client.extract_result(Receipt, document)
    assert isinstance(result.value, Receipt)
    alone = client.extract_result(Receipt, "Total 12.50")
    assert result.usage.prompt_tokens > alone.usage.prompt_tokens + 20


def test_templates_that_take_parts_alone_get_parts(tmp_path: Path) -> None:
    projector = write_projector(tmp_path / "p.gguf")
    taken = Files(write_model(tmp_path / "parts.gguf", template=PARTS_TEMPLATE), projector)
    usual = Files(write_model(tmp_path / "usual.gguf"), projector)
    shown = [{"role": "user", "content": asked("Before", RED, "after")[1]["content"]}]
    with opened(taken) as one, opened(usual) as other:
        assert one.count(shown) == other.count(shown)


def test_a_template_that_leaves_the_image_out_is_an_error(tmp_path: Path) -> None:
    deaf = write_model(tmp_path / "deaf.gguf", template="<|im_start|>assistant\n")
    with (
        opened(Files(deaf, write_projector(tmp_path / "p.gguf"))) as engine,
        pytest.raises(EngineError, match="leaves out an image"),
    ):
        engine.generate(asked(RED))


def test_fixed_messages_with_images_are_not_kept_on_disk(files: dict[str, Files]) -> None:
    with opened(files["mlp"]) as engine:
        engine.count(asked())
        prompt = engine._loaded.runtime.prompt
        system, user = asked(RED)
        fixed = [FixedMessage(system), FixedMessage(user), {"role": "user", "content": "Well?"}]
        count = FixedTokens(prompt).count(fixed, prompt(fixed))
        assert 0 < count <= len(prompt([system])) + 1


# ---- pixels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_every_usual_kind_of_image_is_read(kind: str) -> None:
    found = picture_of(structgen.image(picture(5, 9, 7, kind)))
    assert (found.width, found.height, len(found.pixels)) == (9, 7, 9 * 7 * 3)


def test_photographs_are_turned_upright_and_transparent_images_are_on_white() -> None:
    turned, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # turn it right by a quarter
    Image.new("RGB", (4, 2)).save(turned, "JPEG", exif=exif)
    found = picture_of(structgen.image(turned.getvalue()))
    assert (found.width, found.height) == (2, 4)
    clear = io.BytesIO()
    Image.new("RGBA", (1, 1), (0, 0, 0, 0)).save(clear, "PNG")
    assert picture_of(structgen.image(clear.getvalue())).pixels == b"\xff\xff\xff"


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (2000, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_images_of_odd_sizes_are_shown_or_refused_in_words(
    files: dict[str, Files], kind: str, size: tuple[int, int]
) -> None:
    with opened(files[kind]) as engine:
        try:
            answer = engine.generate(asked(picture(6, *size), "?"), SCHEMA)
        except InputError as error:
            assert "pixels" in str(error)
        else:
            assert json.loads(answer.text or "").keys() == {"shop", "paid"}


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (structgen.image(RED[:150]), "damaged"),
        (structgen.image(b"\x89PNG\r\n\x1a\n" + b"x" * 50), "damaged"),
        (structgen.image("https://example.com/a.png"), "does not fetch images"),
        (structgen.image("data:image/png;base64,?"), "not an image of a known kind"),
        (structgen.image("data:image/png,x"), "not an image of a known kind"),
        (structgen.file(b"%PDF-1.7\n%%EOF\n"), "reads no files"),
    ],
    ids=["cut", "garbage", "url", "base64", "plain", "file"],
)
def test_what_cannot_be_shown_is_an_input_error(client: Client, document: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        client.extract(Receipt, document)


def test_an_image_with_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_opened, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(InputError, match="64 x 48 pixels"):
        picture_of(structgen.image(RED))


def test_an_image_of_a_size_that_pillow_refuses_is_too_large_and_not_damaged() -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    with pytest.raises(InputError, match="An image in the messages has more than"):
        picture_of(structgen.image(file.getvalue()))


def test_an_image_that_does_not_fit_is_counted_before_anything_is_computed(
    files: dict[str, Files],
) -> None:
    with opened(files["qwen2vl_merger"], context=256) as engine:
        shown = asked(picture(3, 700, 600))
        with pytest.raises(EnginePromptTooLongError) as caught:
            engine.generate(shown, SCHEMA)
        assert caught.value.tokens == engine.count(shown)


def test_a_model_without_a_projector_cannot_see_and_says_what_to_do(tmp_path: Path) -> None:
    with Client(f"local:{write_model(tmp_path / 'blind.gguf')}") as client:
        for call in (client.extract, client.plan):
            with pytest.raises(InputError, match="mmproj") as caught:
                call(Receipt, structgen.image(RED))
            assert "blind cannot see" in str(caught.value)


@pytest.mark.parametrize(
    ("made", "kind", "told"),
    [
        ({"model": "m.gguf", "mmproj": "none.gguf"}, ModelMissingError, "No such file"),
        ({"model": "m.gguf", "mmproj": "m.gguf"}, ModelCorruptError, "not a projector"),
        ({"model": "p.gguf"}, ModelCorruptError, "not a language model"),
        ({"model": "local", "mmproj": "p.gguf"}, ConfigurationError, "takes no `mmproj`"),
        (
            {"model": "groq:m", "api_key": "k", "mmproj": "p.gguf"},
            ConfigurationError,
            "local model",
        ),
        ({"model": "m.gguf", "mmproj": 5}, ConfigurationError, "path of a .gguf file"),
    ],
    ids=["missing", "model", "alone", "packaged", "server", "number"],
)
def test_a_wrong_projector_is_told_when_the_client_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, Any],
    kind: type[Exception],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "m.gguf")
    write_projector(tmp_path / "p.gguf")
    with pytest.raises(kind, match=told):
        Client(**made)


def test_a_projector_of_another_model_is_told_with_the_first_image(tmp_path: Path) -> None:
    files = Files(
        write_model(tmp_path / "wide.gguf", width=64), write_projector(tmp_path / "p.gguf")
    )
    with opened(files) as engine:
        assert engine.generate(asked("Well?"), SCHEMA).finish_reason == "stop"
        with pytest.raises(EngineError, match="does not fit the model"):
            engine.generate(asked(RED))


def test_the_one_projector_beside_a_model_is_found_by_its_name(tmp_path: Path) -> None:
    model = str(write_model(tmp_path / "m.gguf"))
    assert not open_engine(model).sees
    write_projector(tmp_path / "mmproj-m-f16.gguf")
    assert open_engine(model).sees
    write_projector(tmp_path / "mmproj-other.gguf")
    assert not open_engine(model).sees
    assert open_engine(model, mmproj=tmp_path / "mmproj-other.gguf").sees
