"""What a model is comes from its file: a file of another name gets the same prompt."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from structgen import Client
from structgen.errors import ModelCorruptError
from structgen.local.engine import open_engine
from structgen.local.models.gguf import read_header
from structgen.prompt.layouts import layout_for

_TEXT, _U32 = 8, 4


def gguf(names: dict[str, str], *tensors: tuple[int, ...]) -> bytes:
    """A GGUF header with names, a context of 2048 tokens, and tensors of some shapes."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = [text(key) + struct.pack("<I", _TEXT) + text(value) for key, value in names.items()]
    pairs.append(text("gemma3.context_length") + struct.pack("<II", _U32, 2048))
    found = [
        text(f"blk.{number}")
        + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        + struct.pack("<IQ", 0, 0)
        for number, shape in enumerate(tensors)
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(found), len(pairs))
    return b"".join([head, *pairs, *found])


GEMMA = {"general.architecture": "gemma3", "general.name": "Gemma 3 270m"}


def test_the_header_tells_family_and_size(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(gguf(GEMMA, (1000, 262_000), (6_000_000,)))
    header = read_header(file)
    assert (header.context, header.family) == (2048, "268m gemma3 gemma 3 270m")
    assert layout_for(f"{header.family} mine") == "description"


def test_the_size_is_counted_and_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "gemma-270m.gguf"
    file.write_bytes(gguf(GEMMA, (4096, 1_000_000)))
    assert layout_for(f"{read_header(file).family} gemma-270m") == "fields"


@pytest.mark.parametrize("cut", [1, 12, 30])
def test_a_header_whose_tensors_are_cut_is_refused(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "cut.gguf"
    file.write_bytes(gguf(GEMMA, (1000, 1000))[:-cut])
    with pytest.raises(ModelCorruptError):
        read_header(file)


def test_a_file_of_another_name_gets_the_prompt_of_its_model(
    tmp_path: Path, embedded_model: Path
) -> None:
    renamed = tmp_path / "mine.gguf"
    renamed.symlink_to(embedded_model)
    with Client("local") as packaged, Client(str(renamed)) as own:
        assert own.plan(int, "One.").messages == packaged.plan(int, "One.").messages
    with open_engine(str(renamed), context=128, threads=1) as opened:
        assert opened.family.startswith("135m llama smollm2")
        assert Client(opened).plan(int, "One.").messages == packaged.plan(int, "One.").messages
