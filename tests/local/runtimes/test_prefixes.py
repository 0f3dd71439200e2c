"""Beginnings of prompts on disk: the same answers, nothing of a document, and no errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.local.engine import Engine, open_engine
from structgen.local.runtimes import prefixes
from structgen.local.runtimes.prefixes import FixedTokens, SavedPrefixes
from structgen.options import Options
from structgen.prompt.messages import messages_for
from structgen.values import FixedMessage

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the person, as it is written."},
        "town": {"type": "string", "description": "The town in which the person lives."},
    },
    "required": ["name", "town"],
    "additionalProperties": False,
}
DOCUMENT = "Zebulon Quackenbush moved to Ouagadougou."
TOKENS = list(range(100))


def asked(document: str, **more: Any) -> tuple[Any, ...]:
    return messages_for(json.dumps(SCHEMA).encode(), document, prompt="fields", **more)


@pytest.fixture
def saved(tmp_path: Path) -> SavedPrefixes:
    return SavedPrefixes(tmp_path / "prefixes", "a build")


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/*.prefix"))


# ---- the folder ---------------------------------------------------------------------------------


def test_a_state_is_found_by_its_tokens_and_build_alone(saved: Any, tmp_path: Path) -> None:
    saved.save(TOKENS, b"state")
    assert SavedPrefixes(tmp_path / "prefixes", "a build").load(TOKENS) == b"state"
    assert saved.load(TOKENS[:-1]) is None
    assert SavedPrefixes(tmp_path / "prefixes", "another build").load(TOKENS) is None
    assert [path.suffix for path in (tmp_path / "prefixes").iterdir()] == [".prefix"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:-1] + b"x",
        lambda content: b"something else",
    ],
)
def test_a_damaged_file_is_removed_and_no_error(saved: Any, tmp_path: Path, spoil: Any) -> None:
    saved.save(TOKENS, b"state")
    (file,) = files(tmp_path)
    file.write_bytes(spoil(file.read_bytes()))
    assert saved.load(TOKENS) is None
    assert files(tmp_path) == []


def test_a_file_of_another_beginning_under_this_name_is_removed(saved: Any, tmp_path: Path) -> None:
    saved.save(TOKENS[:-1], b"another")
    (other,) = files(tmp_path)
    saved.save(TOKENS, b"state")
    (own,) = [file for file in files(tmp_path) if file != other]
    own.write_bytes(other.read_bytes())
    assert saved.load(TOKENS) is None
    assert files(tmp_path) == [other]


def test_the_least_recently_used_files_make_room(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, "a build", most_bytes=4_000)
    for first in range(3):
        saved.save([first], bytes(1_000))
    for age, file in enumerate(files(tmp_path)):
        os.utime(file, (age, age))
    oldest = next(first for first in range(3) if saved._file([first]) == files(tmp_path)[0])
    assert saved.load([oldest]) is not None  # now it is the one that was used last
    saved.save([3], bytes(1_000))
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 4_000
    assert saved.load([oldest]) is not None
    assert saved.load([3]) is not None
    saved.save([4], bytes(5_000))
    assert saved.load([4]) is None
    assert saved.load([3]) is not None


def test_one_process_saves_only_so_many(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, "a build")
    for first in range(16):
        assert saved.may_save()
        saved.save([first], b"state")
    assert not saved.may_save()


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    saved = SavedPrefixes(tmp_path / "file", "a build")
    saved.save(TOKENS, b"state")
    saved.remove(TOKENS)
    assert saved.load(TOKENS) is None


def test_a_model_is_told_from_others_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(bytes(3_000_000))
    os.utime(file, (1, 1))
    before = prefixes.fingerprint(file)
    assert prefixes.fingerprint(file) == before
    changed = bytearray(3_000_000)
    changed[-10] = 1
    file.write_bytes(changed[-3_000_000:])
    os.utime(file, (1, 2))
    assert prefixes.fingerprint(file) != before


@pytest.mark.parametrize(
    ("value", "wanted"), [("", True), ("1", True), ("0", False), ("Off", False)]
)
def test_a_variable_turns_it_off(monkeypatch: Any, value: str, wanted: bool) -> None:
    monkeypatch.setenv(prefixes.SWITCH, value)
    assert prefixes.is_wanted() is wanted


# ---- what is the same for every document --------------------------------------------------------


def test_the_system_message_and_fixed_examples_are_marked() -> None:
    shown = [("Ada lives in Ely.", {"name": "Ada", "town": "Ely"})]
    kinds = [isinstance(one, FixedMessage) for one in asked("A text.", examples=shown)]
    assert kinds == [True, True, True, False]
    kinds = [
        isinstance(one, FixedMessage)
        for one in asked("A text.", examples=shown, examples_vary=True)
    ]
    assert kinds == [True, False, False, False]
    written = messages_for(
        json.dumps(SCHEMA).encode(),
        "A text.",
        prompt=lambda parts: [{"role": "system", "content": str(parts.document)}],
    )
    assert not any(isinstance(one, FixedMessage) for one in written)


def test_fixed_tokens_hold_nothing_of_the_document(engine: Engine) -> None:
    engine._loaded.ready()
    runtime = engine._loaded.runtime
    fixed = FixedTokens(runtime.prompt)
    counts = set()
    for document in ("One man.", "2 men.", DOCUMENT, "\n", "<|im_end|>"):
        messages = asked(f"{document} and more")
        prompt = runtime.prompt(messages)
        counts.add(fixed.count(messages, prompt))
        text = b"".join(runtime.vocabulary.pieces[token] for token in prompt[: max(counts)])
        assert document.encode() not in text.replace(b"\n", b"") or document == "\n"
    assert len(counts) == 1
    assert counts.pop() > prefixes.LEAST
    plain = [dict(message) for message in asked(DOCUMENT)]
    assert fixed.count(plain, runtime.prompt(plain)) == 0


# ---- engines ------------------------------------------------------------------------------------


@pytest.fixture
def cache(embedded_model: Path, tmp_path: Path, monkeypatch: Any) -> Path:
    """A cache of its own, with the embedded model in it."""
    (tmp_path / "models").symlink_to(embedded_model.parent)
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path))
    return tmp_path


def answer(document: str = DOCUMENT, **settings: Any) -> Any:
    """The answer of an engine that was opened for it, so that nothing is in memory."""
    with open_engine("local", context=1024, threads=1, **settings) as opened:
        return opened.generate(asked(document), SCHEMA, Options(max_tokens=60))


def test_a_new_engine_reads_only_the_document(cache: Path, monkeypatch: Any) -> None:
    first = answer("Ada lives in Ely.")
    (file,) = files(cache)
    assert first.usage.cached_tokens == 0
    cold, warm = answer(), answer()
    assert warm.usage.cached_tokens > prefixes.LEAST
    assert (warm.text, warm.usage) == (cold.text, cold.usage)
    assert files(cache) == [file]
    monkeypatch.setenv(prefixes.SWITCH, "0")
    without = answer()
    assert without.text == warm.text
    assert without.usage.cached_tokens == 0


def test_an_answer_is_that_of_a_beginning_in_memory(cache: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv(prefixes.SWITCH, "off")
    with open_engine("local", context=1024, threads=1) as opened:
        opened.generate(asked("Ada lives in Ely."), SCHEMA, Options(max_tokens=60))
        in_memory = opened.generate(asked(DOCUMENT), SCHEMA, Options(max_tokens=60))
    assert files(cache) == []
    monkeypatch.delenv(prefixes.SWITCH)
    answer("Ada lives in Ely.")
    assert answer().text == in_memory.text


def test_nothing_of_a_document_is_written(cache: Path) -> None:
    answer(DOCUMENT)
    (file,) = files(cache)
    content = file.read_bytes()
    for word in DOCUMENT.split():
        assert word.strip(".").encode() not in content
    file.unlink()
    answer("Something else entirely, by another person.")
    # The whole file is the same whatever the document was, its name too.
    assert [one.read_bytes() for one in files(cache)] == [content]
    assert [one for one in cache.iterdir() if one.name not in ("models", "prefixes")] == []


def test_conversations_and_messages_of_a_user_are_not_kept(cache: Path) -> None:
    with open_engine("local", context=1024, threads=1) as opened:
        plain = [dict(message) for message in asked(DOCUMENT)]
        opened.generate(plain, SCHEMA, Options(max_tokens=60))
    assert files(cache) == []


def test_a_state_that_the_runtime_refuses_is_removed_and_computed_again(cache: Path) -> None:
    expected = answer().text
    (file,) = files(cache)
    with open_engine("local", context=1024, threads=1) as opened:
        opened._loaded.ready()
        saved = opened._loaded._batcher._saved
        assert saved is not None
        prompt = opened._loaded.runtime.prompt(asked(DOCUMENT))
        fixed = opened._loaded._fixed.count(asked(DOCUMENT), prompt)
        saved.save(prompt[:fixed], b"no state of this model")
        spoiled = file.read_bytes()
        again = opened.generate(asked(DOCUMENT), SCHEMA, Options(max_tokens=60))
    assert (again.text, again.usage.cached_tokens) == (expected, 0)
    assert [one.read_bytes() != spoiled for one in files(cache)] == [True]


def test_answers_at_once_share_a_beginning_from_disk(cache: Path) -> None:
    expected = answer().text
    with open_engine("local", context=1024, threads=1, parallel=2) as opened:
        ask = [asked(DOCUMENT), asked("Ada lives in Ely.")]
        answers = [
            thread.result()
            for thread in [
                opened._loaded.threads.submit(
                    opened.generate, messages, SCHEMA, Options(max_tokens=60)
                )
                for messages in ask
            ]
        ]
    assert json.loads(answers[0].text or "").keys() == json.loads(expected or "").keys()
    assert len(files(cache)) == 2  # `parallel` is a part of what a state depends on


def test_a_new_process_reads_only_the_document(cache: Path) -> None:
    program = (
        "import json, sys\n"
        "from structgen import Client\n"
        "with Client('local', prompt='fields') as client:\n"
        "    result = client.extract_result(json.loads(sys.argv[1]), sys.argv[2])\n"
        "print(result.usage.cached_tokens)\n"
    )
    command = [sys.executable, "-c", program, json.dumps(SCHEMA), DOCUMENT]
    runs = [
        int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(2)
    ]
    assert runs[0] == 0
    assert runs[1] > prefixes.LEAST
