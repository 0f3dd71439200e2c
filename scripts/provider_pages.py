"""Write docs/providers/: a page for each provider, made from the rows of facts.

    python scripts/provider_pages.py

It also writes the table of docs/providers.md. The rows are in structgen/wire: providers.py (what
servers take), model_rows.py (models), prices.py, and attachments.py (images and files).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from structgen.wire.attachments import LIMITS
from structgen.wire.dialect import AttachmentLimits, Capabilities
from structgen.wire.model_facts import ModelFacts
from structgen.wire.model_rows import EXAMPLE_MODEL, MODELS
from structgen.wire.models import facts_of
from structgen.wire.prices import PRICES
from structgen.wire.providers import ROWS, capabilities

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "providers"
OVERVIEW = ROOT / "docs" / "providers.md"
_TABLE = re.compile(r"(?<=<!-- generated -->\n)(.*)(?=\n<!-- end -->)", re.DOTALL)

FORMATS = {
    "chat_requests": "Chat Completions",
    "gemini_requests": "Gemini's own",
    "ollama": "Ollama's own",
    "responses_requests": "Responses",
    "anthropic_requests": "Messages",
}
"""Names of wire formats, by the module that builds their requests."""

TITLES = {
    "groq": "Groq",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "azure": "Azure OpenAI",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "llamacpp": "llama.cpp",
    "llama-cpp-python": "llama-cpp-python",
    "ollama": "Ollama",
    "tgi": "Text Generation Inference",
    "lmstudio": "LM Studio",
    "together": "Together",
    "fireworks": "Fireworks",
    "mistral": "Mistral",
    "deepseek": "DeepSeek",
    "cerebras": "Cerebras",
    "openrouter": "OpenRouter",
    "gemini": "Gemini",
    "structgen": "structgen serve",
    "generic": "Any other server",
}

EXAMPLES = {
    "groq": EXAMPLE_MODEL,
    "openai": "gpt-6-luna",
    "anthropic": "claude-haiku-5-5",
    "gemini": "gemini-3.8-flash",
    "ollama": "qwen3:8b",
    "cerebras": "gpt-oss-120b",
    "deepseek": "deepseek-flash",
}
"""Models that the pages name in their example; "MODEL" for the others."""

INTRODUCTIONS: Mapping[str, str] = {
    "groq": """Strict mode holds answers of some models to the schema; the others are asked in JSON
mode or by a tool. Groq streams no answer that is held to a schema and takes no tools beside one,
so `stream` uses JSON mode. Cached prompt tokens are counted in `usage.cached_tokens` and priced
as such. The flex tier (`service_tier="flex"`) answers 498 when it is full, which is tried again.
[Pipelines](../pipelines.md) has batches at half the price.""",
    "openai": """Chat Completions is the plain name, Responses the newer API of the same models.
Reasoning models refuse `temperature` while they reason, so it is not sent to them then
(see [Reasoning](../reasoning.md)).""",
    "anthropic": """`anthropic` speaks Anthropic's Messages. The server requires a token limit:
without `max_tokens` it is 8,192 (`default_max_tokens` of a row). The part of a prompt that all
documents share is marked for the cache, which costs a quarter more to write and a tenth to read.
What only the server has goes into `extra_body`, such as `thinking` or `inference_geo`. A model
that must call a tool cannot think meanwhile, so `reasoning_effort` with the mode `tool` is an error
before anything is sent. Models up to 4.6 are asked in the API version 2023-06-01, which takes
`temperature`, later ones in 2026-10-21, which refuses it, so that it is not sent to them.""",
    "azure": """Give the address of your resource, with or without a deployment, and `api-version`
in `default_query` if your API has versions. Azure documents OpenAI's first, narrower rules for
schemas, and targets are compiled to these.""",
    "gemini": """`gemini-native` speaks Gemini's own API, with its schemas, thoughts, files, and
counts of cached tokens; `gemini` speaks Chat Completions with the same models. What only the API
has goes into `extra_body`, such as `safetySettings` or `cachedContent`. Models before Gemini 3
get a budget of tokens for each level of reasoning.""",
    "ollama": """`ollama-native` speaks Ollama's own API, `ollama` Chat Completions with the same
models. Ollama cuts a prompt that is longer than its context without a word; `ollama-native` asks
for an error instead, which is a `PromptTooLongError`. Make the context longer with
`extra_body={"options": {"num_ctx": 16384}}`, and keep a model loaded with
`extra_body={"keep_alive": "1h"}`. Some versions ignore the schema of Qwen 3.5 and Gemma 4 if
`reasoning_effort="none"` turns their thoughts off (Ollama's issues 14645 and 15260): the check of
every answer finds that.""",
    "generic": """Give the address: `Client("MODEL", base_url="http://127.0.0.1:8000/v1")`. Little
is promised of a server that has no row: JSON mode and the prompt. A row of your own promises
more, and `structgen providers probe` finds out what the server takes.""",
}


SECTIONS: Mapping[str, str] = {
    "gemini": """## Vertex AI

Vertex AI speaks the same format behind another address, and takes tokens that expire as keys:

```python
from dataclasses import replace

from structgen import Client
from structgen.providers import capabilities


def token() -> str:
    return "the access token of google.auth"


row = replace(capabilities("gemini-native", "gemini-3.8-flash"), key_header="authorization")
host = "https://europe-west4-aiplatform.googleapis.com"
place = "v1/projects/PROJECT/locations/europe-west4/publishers/google"
vertex = Client(
    "gemini-native:gemini-3.8-flash",
    base_url=f"{host}/{place}",
    api_key=token,
    capabilities=(replace(row, model="*"),),
)
```""",
}
"""Further sections of single pages."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    page = OVERVIEW.read_text(encoding="utf-8")
    OVERVIEW.write_text(_TABLE.sub(lambda _: overview(), page), encoding="utf-8")


def owners() -> dict[str, list[Capabilities]]:
    """The rows of each provider, those of its other wire formats among them."""
    found: dict[str, list[Capabilities]] = {}
    for row in ROWS:
        found.setdefault(row.owner, []).append(row)
    return found


def overview() -> str:
    """The table of all providers."""
    lines = []
    for owner, rows in owners().items():
        for name in dict.fromkeys(row.provider for row in rows):
            row = next(one for one in reversed(rows) if one.provider == name)
            best = next(one for one in rows if one.provider == name)
            lines.append(
                [
                    f"[`{name}`](providers/{owner}.md)",
                    wire_format(row),
                    best.modes[0][0] if best.modes else "",
                    codes(row.key_env) or "-",
                    code(row.base_url) or codes(row.base_url_env) or "give `base_url`",
                ]
            )
    head = ["provider", "wire format", "strongest mode", "key", "address"]
    return table(head, lines)


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    return {f"{owner}.md": page(owner, rows) for owner, rows in owners().items()}


def page(owner: str, rows: Sequence[Capabilities]) -> str:
    parts = [f"# {TITLES.get(owner, owner)}", INTRODUCTIONS.get(owner, ""), example(owner, rows)]
    parts += [connection(rows), modes(rows), tiers(rows), SECTIONS.get(owner, "")]
    facts = [row for row in MODELS if row.provider == owner]
    parts += [models(owner, facts), ends(facts), prices(owner), images(owner), sources(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def example(owner: str, rows: Sequence[Capabilities]) -> str:
    native = next((row for row in rows if row.provider != owner), rows[0])
    model = EXAMPLES.get(owner, "MODEL")
    row = capabilities(native.provider, model)
    arguments = [f'"{row.provider}:{model}"' if owner != "generic" else f'"{model}"']
    if not row.base_url:
        arguments.append('base_url="https://example.com/v1"')
    if row.needs_key:
        arguments.append('api_key="k"')
    lines = ["```python", "from structgen import Client", ""]
    return "\n".join([*lines, f"client = Client({', '.join(arguments)})", "```"])


def connection(rows: Sequence[Capabilities]) -> str:
    """How the provider is reached, by wire format."""
    lines = []
    for name in dict.fromkeys(row.provider for row in rows):
        row = next(one for one in reversed(rows) if one.provider == name)
        needed = "" if row.needs_key or not row.key_env else " (if the server asks for one)"
        lines.append(
            [
                f"`{name}:MODEL`",
                wire_format(row),
                code(row.base_url) or "-",
                codes(row.base_url_env) or "-",
                (codes(row.key_env) + needed) or "-",
            ]
        )
    head = ["model", "wire format", "address", "other address", "key"]
    return table(head, lines)


def modes(rows: Sequence[Capabilities]) -> str:
    """What answers are held to, and what is not taken."""
    lines = [
        [
            f"`{row.provider}:{row.model}`",
            ", ".join(mode_in_words(mode, subset) for mode, subset in row.modes),
            yes(row.stream_with_schema),
            yes(row.tools_with_schema),
        ]
        for row in rows
    ]
    head = ["models", "modes, strongest first", "streams with a schema", "tools with a schema"]
    said = (
        "The name in brackets is the schema language that targets are compiled to (see\n"
        "[Guarantees](../guarantees.md))."
    )
    return f"## Modes\n\n{said}\n\n{table(head, lines)}{refused(rows)}"


def refused(rows: Sequence[Capabilities]) -> str:
    """Which parameters are not taken, by the models that do not take them."""
    by_names: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        by_names.setdefault(tuple(sorted(row.unsupported)), []).append(
            f"{row.provider}:{row.model}"
        )
    said = ""
    for names, patterns in by_names.items():
        if names:
            of = "" if len(by_names) == 1 else f" ({codes(patterns)})"
            said += f"\n\nNot taken{of}: {codes(names)}."
    return said


def tiers(rows: Sequence[Capabilities]) -> str:
    """The service tiers, by wire format."""
    named = {row.provider: row.service_tiers for row in rows if row.service_tiers}
    lines = [f"`{name}` takes {codes(values)}." for name, values in named.items()]
    return "The option `service_tier`: " + " ".join(lines) if lines else ""


def models(owner: str, facts: Sequence[ModelFacts]) -> str:
    """What is known of its models."""
    lines = []
    for row in facts:
        if not (row.context or row.max_output or row.temperature or row.efforts is not None):
            continue
        known = row if "[" in row.model else facts_of(owner, row.model, MODELS)
        temperature = {"without-reasoning": "unless it reasons", "never": "no"}
        lines.append(
            [
                f"`{row.model}`",
                number(known.context),
                number(known.max_output),
                levels(known),
                temperature.get(known.temperature or "", "yes"),
            ]
        )
    if not lines:
        return ""
    head = ["models", "context", "longest answer", "levels of reasoning", "`temperature`"]
    said = (
        "Lengths are in tokens. The level of reasoning of requests that name none is bold.\n"
        "Nothing is known where a cell is empty."
    )
    return f"## Models\n\n{said}\n\n{table(head, lines)}"


def levels(facts: ModelFacts) -> str:
    """The levels of reasoning that a model takes; the usual one is bold."""
    if facts.efforts is None:
        return ""
    named = [f"**{one}**" if one == facts.default_effort else one for one in facts.efforts]
    return ", ".join(named) or "no levels"


def ends(facts: Sequence[ModelFacts]) -> str:
    """Which models end."""
    lines = [
        [f"`{row.model}`", str(row.ends), f"`{row.replacement}`" if row.replacement else ""]
        for row in sorted(facts, key=lambda row: str(row.ends))
        if row.ends is not None
    ]
    if not lines:
        return ""
    said = (
        "A client warns before the date. Afterwards the error is a `ModelRetiredError`, and\n"
        "`structgen models check` finds the models in a project."
    )
    head = ["model", "first day without it", "take instead"]
    return f"## Models that end\n\n{said}\n\n{table(head, lines)}"


def prices(owner: str) -> str:
    """What tokens cost, as far as our own rows say."""
    lines = [
        [f"`{row.model}`", *map(dollars, (row.input, row.cached, row.output))]
        for row in PRICES
        if row.provider == owner
    ]
    if not lines:
        return ""
    said = (
        "US dollars per million tokens. Prices of the package genai-prices go first where it is\n"
        "installed (`pip install structgen[prices]`); it knows most hosted models."
    )
    return f"## Prices\n\n{said}\n\n{table(['model', 'in', 'cached', 'out'], lines)}"


def images(owner: str) -> str:
    """What it takes of images and files."""
    lines = [
        [f"`{pattern}`", images_in_words(limits), yes(limits.files), yes(limits.urls)]
        for provider, pattern, limits in LIMITS
        if provider == owner
    ]
    if not lines:
        return ""
    said = "See [Images and files](../images.md). Models that are not listed are sent everything."
    head = ["models", "images in a request", "files", "URLs"]
    return f"## Images and files\n\n{said}\n\n{table(head, lines)}"


def sources(facts: Sequence[ModelFacts]) -> str:
    found = dict.fromkeys(row.source for row in facts if row.source)
    return "## Sources\n\n" + "\n".join(f"- {one}" for one in found) if found else ""


# ---- words ---------------------------------------------------------------------------


def wire_format(row: Capabilities) -> str:
    return FORMATS[row.dialect.build.__module__.rpartition(".")[2]]


def mode_in_words(mode: str, subset: str) -> str:
    return mode if subset in ("json-object", "best-effort") else f"{mode} (`{subset}`)"


def images_in_words(limits: AttachmentLimits) -> str:
    if limits.images == 0:
        return "none"
    count = "any number" if limits.images is None else f"at most {limits.images}"
    return count if limits.bytes is None else f"{count}, {limits.bytes // 1_000_000} MB together"


def yes(value: bool) -> str:
    return "yes" if value else "no"


def dollars(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(head, lines))


def _lines(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for cells in lines:
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
