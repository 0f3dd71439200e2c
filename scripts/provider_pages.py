"""Write docs/providers/: a page for each provider, made from the rows of facts.

    python scripts/provider_pages.py

What the rows do not say is in scripts/providers/.
It also writes the table of docs/providers.md. The rows are in structgen/wire: providers.py (what
servers take), models/rows.py (models), models/prices.py, and attachments.py (images and files).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from structgen.wire.attachments import LIMITS
from structgen.wire.dialect import AttachmentLimits, Capabilities
from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.known import facts_of
from structgen.wire.models.prices import PRICES
from structgen.wire.models.rows import EXAMPLE_MODEL, MODELS
from structgen.wire.providers import ROWS, capabilities

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "providers"
TEXTS = ROOT / "scripts" / "providers"
"""What a page says beside the rows: its introduction, and after a line `---` a further section."""
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
    file = TEXTS / f"{owner}.md"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    introduction, _, section = text.partition("\n---\n")
    parts = [f"# {TITLES.get(owner, owner)}", introduction.strip(), example(owner, rows)]
    parts += [connection(rows), modes(rows), tiers(rows), section.strip()]
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
    lines = []
    for row in PRICES:
        if row.provider != owner:
            continue
        lines.append([f"`{row.model}`", *map(dollars, (row.input, row.cached, row.output))])
        for longer in row.longer:
            what = f"`{row.model}`, prompts above {longer.above:,} tokens"
            lines.append([what, *map(dollars, (longer.input, longer.cached, longer.output))])
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
    main()
