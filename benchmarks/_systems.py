"""Ways to get a record out of a text with one local model, for `benchmarks.truth`.

structgen runs the model in this process; the peers reach the same file through llama.cpp's own HTTP
server. All are told the same about the task: the schema's description and what null means. The
peers are given it as a line; structgen takes it from the schema. What else is in a prompt is the
system's own.
A system gives plain JSON data or raises.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Union

from structgen import Client, Nearest
from structgen.local.models import catalog
from tests.servers import Server, llama_cpp

MAX_TOKENS = 400
TRIES = 1
"""Answers that a peer may ask for: structgen asks once, too, unless an answer is invalid."""


@dataclass(frozen=True)
class Task:
    """A text to extract from: the schema, and texts of the same task with their records."""

    schema: Mapping[str, Any]
    text: str
    examples: Sequence[tuple[str, Any]]
    pool: Nearest | None = None
    """Texts of the second half of the task's file, from which the nearest are shown."""

    @property
    def told(self) -> str:
        """The line that every system is told."""
        about = self.schema.get("description") or self.schema.get("title") or "The record."
        return f"Extract from the text: {about} Use null for what the text does not state."


System = Callable[[Task], Any]


@dataclass(frozen=True)
class Ready:
    """A system that can be asked: `process`, beside this one, works for it."""

    ask: System
    process: int | None = None


def cpu_seconds(process: int | None) -> float:
    """Seconds of CPU that this process and a helping one have used so far."""
    own = time.process_time()
    if process is None:
        return own
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def opened(names: Sequence[str], model: str) -> Iterator[dict[str, Ready]]:
    """The systems of some names, ready to be asked; those whose package is missing are left out."""
    missing = [name for name in names if not _is_installed(name)]
    for name in missing:
        print(f"{name} is not installed and is left out", flush=True)
    wanted = [name for name in names if name not in missing]
    with ExitStack() as stack:
        ready: dict[str, Ready] = {}
        if own := [name for name in wanted if name in OWN or name.startswith(PROMPTED)]:
            client = stack.enter_context(Client(model, temperature=0.0, max_tokens=MAX_TOKENS))
            ready.update({name: Ready(_own(name)(client)) for name in own})
        if peers := [name for name in wanted if name in PEERS]:
            server = stack.enter_context(llama_cpp(catalog.find(model).file, parallel=1))
            ready.update({name: Ready(PEERS[name](server), server.process) for name in peers})
        yield {name: ready[name] for name in wanted}


def _is_installed(name: str) -> bool:
    package = PACKAGES.get(name)
    return package is None or importlib.util.find_spec(package) is not None


# ---- structgen ----------------------------------------------------------------------------------


def _structgen(client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text)


def _structgen_told(client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text, instructions=task.told)


def _structgen_written(client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text, decide="off")


def _structgen_ungrounded(client: Client) -> System:
    def ask(task: Task) -> Any:
        return client.extract(dict(task.schema), task.text, on_ungrounded="keep")

    return ask


def _structgen_kept(client: Client) -> System:
    def ask(task: Task) -> Any:
        return client.extract(dict(task.schema), task.text, on_shortened="keep")

    return ask


def _structgen_thinking(reasoning: Literal["first", "draft"], client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text, reasoning=reasoning)


def _structgen_nearest(client: Client) -> System:
    def ask(task: Task) -> Any:
        examples = task.pool or ()
        return client.extract(dict(task.schema), task.text, examples=examples)

    return ask


def _structgen_shown(client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text, examples=task.examples)


def _own(name: str) -> Callable[[Client], System]:
    return OWN[name] if name in OWN else partial(_structgen_prompted, name.removeprefix(PROMPTED))


def _structgen_prompted(layout: str, client: Client) -> System:
    return lambda task: client.extract(dict(task.schema), task.text, prompt=layout)


# ---- peers --------------------------------------------------------------------------------------


def _openai(server: Server) -> Any:
    openai = importlib.import_module("openai")
    return openai.OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0)


def _messages(task: Task) -> list[dict[str, str]]:
    return [{"role": "system", "content": task.told}, {"role": "user", "content": task.text}]


def _bare(server: Server) -> System:
    """`response_format` with the schema, as a user writes it who has no library."""
    client = _openai(server)

    def ask(task: Task) -> Any:
        held = {"name": "record", "strict": True, "schema": task.schema}
        reply = client.chat.completions.create(
            model=server.model,
            messages=_messages(task),
            response_format={"type": "json_schema", "json_schema": held},
            temperature=0,
            max_tokens=MAX_TOKENS,
        )
        return json.loads(reply.choices[0].message.content)

    return ask


def _instructor(server: Server) -> System:
    library = importlib.import_module("instructor")
    client = library.from_openai(_openai(server), mode=library.Mode.JSON_SCHEMA)

    def ask(task: Task) -> Any:
        record = client.chat.completions.create(
            model=server.model,
            messages=_messages(task),
            response_model=model_of(task.schema),
            temperature=0,
            max_tokens=MAX_TOKENS,
            max_retries=TRIES,
        )
        return record.model_dump(mode="json", by_alias=True)

    return ask


def _outlines(server: Server) -> System:
    library = importlib.import_module("outlines")
    model = library.from_openai(_openai(server), server.model)

    def ask(task: Task) -> Any:
        answer = model(
            f"{task.told}\n\n{task.text}",
            library.json_schema(dict(task.schema)),
            temperature=0,
            max_tokens=MAX_TOKENS,
        )
        return json.loads(answer)

    return ask


def _langextract(server: Server) -> System:
    """Flat records alone: each field is a class of extractions. It needs examples and has them."""
    library = importlib.import_module("langextract")
    provider = importlib.import_module("langextract.providers.openai").OpenAILanguageModel(
        model_id=server.model,
        api_key=server.api_key,
        base_url=server.base_url,
        temperature=0,
        max_workers=1,
        max_output_tokens=MAX_TOKENS,
    )

    def example(text: str, record: Any) -> Any:
        stated = [
            library.data.Extraction(extraction_class=name, extraction_text=str(value))
            for name, value in record.items()
            if value is not None
        ]
        return library.data.ExampleData(text=text, extractions=stated)

    def ask(task: Task) -> Any:
        if not is_flat(task.schema):
            raise NotImplementedError("langextract has no nested records")
        found = library.extract(
            text_or_documents=task.text,
            prompt_description=task.told,
            examples=[example(*one) for one in task.examples],
            model=provider,
            fence_output=False,
            use_schema_constraints=False,
            show_progress=False,
            resolver_params={"suppress_parse_errors": False},
        )
        record: dict[str, Any] = dict.fromkeys(task.schema["properties"])
        for one in found.extractions or ():
            if one.extraction_class in record and record[one.extraction_class] is None:
                record[one.extraction_class] = one.extraction_text
        return record

    return ask


OWN: Mapping[str, Callable[[Client], System]] = {
    "structgen": _structgen,
    "structgen-told": _structgen_told,
    "structgen-kept": _structgen_kept,
    "structgen-written": _structgen_written,
    "structgen-ungrounded": _structgen_ungrounded,
    "structgen-first": partial(_structgen_thinking, "first"),
    "structgen-draft": partial(_structgen_thinking, "draft"),
    "structgen-3": _structgen_shown,
    "structgen-nearest": _structgen_nearest,
}
"""structgen as it is; with the line that the peers are told; keeping answers that were cut short;
writing closed values token by token; keeping texts that the document does not hold; thinking first,
or drafting; with three examples, the same for every text; with the three of a pool that are
nearest."""
PROMPTED = "structgen:"
"""structgen with a layout of the prompt, which follows this name."""
PEERS: Mapping[str, Callable[[Server], System]] = {
    "bare": _bare,
    "instructor": _instructor,
    "outlines": _outlines,
    "langextract": _langextract,
}
PACKAGES = {
    "bare": "openai",
    "instructor": "instructor",
    "outlines": "outlines",
    "langextract": "langextract",
}
"""What a system needs besides structgen."""


# ---- schemas for peers that want classes --------------------------------------------------------

_PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}


def is_flat(schema: Mapping[str, Any]) -> bool:
    """Whether a record has neither lists nor objects in it."""
    text = json.dumps(schema.get("properties", {}))
    return not any(f'"{kind}"' in text for kind in ("array", "object", "$ref"))


def model_of(schema: Mapping[str, Any]) -> Any:
    """A Pydantic class that says what a schema says, for libraries that take nothing else."""
    return _type_of(schema, schema, "Record")


def _type_of(schema: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
    if "$ref" in schema:
        inner = str(schema["$ref"]).rpartition("/")[2]
        return _type_of(root["$defs"][inner], root, inner)
    if "const" in schema or "enum" in schema:
        return Literal[tuple(schema.get("enum", [schema.get("const")]))]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            members = [_type_of(one, root, f"{name}{n}") for n, one in enumerate(schema[key])]
            return Union[tuple(members)]
    kind = schema.get("type")
    if isinstance(kind, list):
        members = [_type_of({**schema, "type": one}, root, name) for one in kind]
        return Union[tuple(members)]
    if kind == "array":
        return list[_type_of(schema.get("items", {}), root, f"{name}Item")]  # type: ignore[misc]
    if kind == "object":
        return _class_of(schema, root, name)
    return _PLAIN.get(str(kind), Any)


def _class_of(schema: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
    pydantic = importlib.import_module("pydantic")
    fields = {}
    for key, inner in schema.get("properties", {}).items():
        described = pydantic.Field(description=inner.get("description"))
        fields[key] = (_type_of(inner, root, f"{name}_{key}"), described)
    return pydantic.create_model(name, **fields)
