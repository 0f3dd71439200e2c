"""The flags that say who is asked, and how: one for each option of a call.

Names, types and help come from `OptionArgs`: its keys, annotations and attribute docstrings.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from structgen.cli.command import reader
from structgen.documents.options import ChunkingArgs
from structgen.documents.policies import Policy
from structgen.errors import InputError
from structgen.options import CallArgs, OptionArgs, PromptWriter

if TYPE_CHECKING:
    from structgen.schema.target import Target


PROMPT_GROUP: Final = "the model and the prompt"
OPTION_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    PROMPT_GROUP: ("prompt", "tuned"),
    "how much to ask": (
        "max_tokens",
        "timeout",
        "total_timeout",
        "max_retries",
        "max_reasks",
        "max_continuations",
        "token_budget",
        "cost_budget",
        "cache",
    ),
    "where values are stated": ("evidence", "require_evidence", "on_ungrounded"),
    "how sure values are": ("confidence", "accept", "calibration", "cascade_below", "logprobs"),
    "answers that are valid in part": ("on_invalid_items", "on_shortened"),
    "sampling": ("temperature", "top_p", "seed", "samples", "stop"),
    "reasoning": ("reasoning", "max_reasoning_tokens", "reasoning_effort"),
    "how answers are held to the schema": (
        "mode",
        "split",
        "wire_names",
        "absent_fields",
        "decide",
        "learned_rows",
    ),
    "what a server is sent besides": ("service_tier", "extra_body"),
}
"""The options of a call under the titles of the help, those that are used most first."""


def add_options(parser: ArgumentParser) -> None:
    """Declare the flags of the model, the prompt and the options of a call."""
    asked = parser.add_argument_group(PROMPT_GROUP)
    asked.add_argument(
        "--model",
        help="Which model to ask: provider:model, URL#model, local, local:NAME or a .gguf file. "
        "By default $STRUCTGEN_MODEL, else local.",
    )
    asked.add_argument(
        "--cascade",
        metavar="MODEL,MODEL",
        type=reader(names_in, "a list of models with commas between them"),
        help="Models to ask instead of --model, the cheapest first: fields that are in doubt are "
        "escalated to the next one.",
    )
    asked.add_argument("--base-url", metavar="URL", help="Address of an OpenAI-compatible server.")
    asked.add_argument(
        "--api-key",
        metavar="KEY",
        help="Key of the server; better kept in its provider's variable, such as $GROQ_API_KEY, "
        "since other users of this machine may see arguments.",
    )
    texts = docstrings_of(CallArgs)
    told = asked.add_mutually_exclusive_group()
    told.add_argument(
        "--instructions", metavar="TEXT", help="What else the model should know or heed."
    )
    told.add_argument(
        "--instructions-file",
        metavar="FILE",
        type=Path,
        help="A file of such instructions, which may have placeholders.",
    )
    asked.add_argument(
        "--instruction-values",
        metavar="JSON",
        type=_json_object,
        help=texts.get("instruction_values"),
    )
    asked.add_argument("--context", metavar="TEXT", help=texts.get("context"))
    asked.add_argument(
        "--examples",
        metavar="FILE",
        type=Path,
        help="Worked examples, in any form that gold has: JSON Lines of "
        '{"text": ..., "value": ...}, a CSV file or a folder.',
    )
    asked.add_argument(
        "--nearest",
        metavar="K",
        type=int,
        help="Show only the K examples that are most like each document.",
    )
    asked.add_argument(
        "--no-tuned",
        dest="tuned",
        action="store_const",
        const=False,
        default=SUPPRESS,
        help="Use no file of `structgen tune`.",
    )
    texts, kinds = docstrings_of(OptionArgs), get_type_hints(OptionArgs)
    for title, names in OPTION_GROUPS.items():
        group = asked if title == PROMPT_GROUP else parser.add_argument_group(title)
        for name in names:
            group.add_argument(
                flag_of(name),
                dest=name,
                default=SUPPRESS,
                help=texts.get(name),
                **_reading(kinds[name]),
            )


def add_chunking(parser: ArgumentParser) -> None:
    """Declare when documents are split into chunks, and one flag for each option of chunks."""
    group = parser.add_argument_group("long documents")
    group.add_argument(
        "--chunked",
        nargs="?",
        choices=("auto", "always", "never"),
        const="always",
        default="auto",
        help="When to split a document into chunks: `auto`, the default, if it is too long for the "
        "model's context; `always`, also meant by the flag alone; or `never`.",
    )
    texts = docstrings_of(ChunkingArgs)
    for name, kind in get_type_hints(ChunkingArgs).items():
        if name != "count":  # a function, which no flag can name
            group.add_argument(
                flag_of(name), dest=name, default=SUPPRESS, help=texts.get(name), **_reading(kind)
            )


def chunking_from(arguments: Namespace) -> dict[str, Any]:
    """Give the options of chunks that were set, with `chunked`."""
    given = vars(arguments)
    chunking = {name: given[name] for name in ChunkingArgs.__annotations__ if name in given}
    when = True if arguments.chunked == "always" else arguments.chunked
    return {"chunked": when, **chunking}


def options_from(arguments: Namespace) -> dict[str, Any]:
    """Give the options that were set, for a client, its cascade, and files beside the target."""
    given = vars(arguments)
    options = {name: given[name] for name in OptionArgs.__annotations__ if name in given}
    if given.get("cascade"):
        options["cascade"] = given["cascade"]
    beside = calibration_beside(given.get("target") or "")
    if beside is not None and Path(beside).is_file():
        options.setdefault("calibration", beside)
    tuned = tuned_beside(given.get("target") or "")
    if tuned is not None and Path(tuned).is_file():
        options.setdefault("tuned", tuned)
    return options


def tuned_beside(spec: str) -> str | None:
    """Name the tuned file beside the one that defines a target; None if that is not the user's.

    Args:
        spec: The target as the command line names it.
    """
    from structgen.extraction.tuned import END
    from structgen.schema.load import file_of_spec

    file = file_of_spec(spec)
    return None if file is None else str(file.with_suffix(END))


def calibration_beside(spec: str) -> str | None:
    """Name the calibration file beside a schema file; None for a type, which finds its own.

    Args:
        spec: The target as the command line names it.
    """
    if not spec.endswith(".json"):
        return None
    from structgen.calibration.saved import beside

    return str(beside(spec))


def call_from(arguments: Namespace, target: Target[Any]) -> dict[str, Any]:
    """Give what else the prompt holds, for a call.

    Raises:
        InputError: If the file of examples cannot be read or has a wrong line, or `--nearest` has
            no file to choose from.
    """
    told = arguments.instructions_file or arguments.instructions
    call = {"instructions": told, "context": arguments.context}
    if arguments.instruction_values is not None:
        call["instruction_values"] = arguments.instruction_values
    if arguments.examples:
        return {**call, "examples": _examples(arguments.examples, arguments.nearest, target)}
    if arguments.nearest is not None:
        raise InputError("`nearest` has no examples to choose from.", hint="Give --examples FILE.")
    return call


def _examples(path: Path, nearest: int | None, target: Target[Any]) -> Any:
    if nearest is None:
        from structgen.evaluation.gold import load_gold

        return load_gold(path, target)
    from structgen.examples.nearest import Nearest

    return Nearest(path, k=nearest)


def flag_of(name: str) -> str:
    """Write the name of an option as a flag."""
    return f"--{name.replace('_', '-')}"


# ---- from an annotation to what argparse takes ----------------------------------------------


def _reading(kind: Any) -> dict[str, Any]:
    """Say how argparse reads a value of this type."""
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    members = set(get_args(kind)) if get_origin(kind) in _UNIONS else {kind}
    return next(dict(reading) for types, reading in _READINGS.items() if members == set(types))


def names_in(text: str) -> list[str]:
    """Read names with commas between them. Raises ValueError if there is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError("no name")
    return names


def _number_or_none(text: str) -> float | None:
    return None if text.lower() == "none" else float(text)


def _number_or_word(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _number_or_object(text: str) -> float | dict[str, Any]:
    return _json_object(text) if text.lstrip().startswith("{") else float(text)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArgumentTypeError("this is not a JSON object")
    return value


_UNIONS: Final = (Union, type(int | str))
_READINGS: Final[Mapping[tuple[Any, ...], Mapping[str, Any]]] = {
    (Literal["auto", "off"], int): {"type": _number_or_word, "metavar": "auto|off|N"},
    (int,): {"type": int, "metavar": "N"},
    (float,): {"type": float, "metavar": "N"},
    (float, type(None)): {"type": reader(_number_or_none, "a number or none"), "metavar": "N"},
    (float, Mapping[str, float]): {
        "type": reader(_number_or_object, "a number or a JSON object"),
        "metavar": "N|JSON",
    },
    (bool,): {"action": "store_true"},
    (str, PromptWriter): {"metavar": "TEXT"},
    (str, Sequence[str]): {"action": "append", "metavar": "TEXT"},
    (str, PathLike[str]): {"metavar": "FILE"},
    (str, PathLike[str], type(None)): {"metavar": "FILE"},
    (str, PathLike[str], Literal[False]): {"metavar": "FILE"},
    (Mapping[str, Any],): {"type": _json_object, "metavar": "JSON"},
    (Mapping[str, str],): {"type": _json_object, "metavar": "JSON"},
    (Mapping[str, Policy],): {"type": _json_object, "metavar": "JSON"},
    (Mapping[str, Sequence[str]],): {"type": _json_object, "metavar": "JSON"},
}
"""How a value is read, by the members of its type."""


# ---- from an attribute docstring to help ----------------------------------------------------


def docstrings_of(arguments: type) -> dict[str, str]:
    """Give the attribute docstrings of a TypedDict, as help texts by key.

    A program that was frozen without its sources has none.
    """
    try:
        definition: Any = ast.parse(inspect.getsource(arguments)).body[0]
    except OSError:
        return {}
    pairs = zip(definition.body, definition.body[1:], strict=False)
    options = arguments.__annotations__.keys() | OptionArgs.__annotations__.keys()
    return {
        key.target.id: _as_help(text.value.value, options)
        for key, text in pairs
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _as_help(text: Any, options: Collection[str]) -> str:
    """Write a docstring as help: in one line, with flags in place of options."""
    line = " ".join(str(text).split()).replace("%", "%%")
    for there, here in SAID_HERE.items():
        line = line.replace(there, here)

    def flag(found: re.Match[str]) -> str:
        return flag_of(found[1]) if found[1] in options else found[0]

    return re.sub(r"`(\w+)`", flag, line)


SAID_HERE: Final[Mapping[str, str]] = {
    " (default False)": "",
    "None waits without end.": "`none` waits without end.",
    " None, the default, is no cache.": " By default none are kept.",
    "; or a function that writes the messages": "",
    "False, the default in Python, uses none; a command uses the file beside the one that defines "
    "the target.": "By default the one beside the file that defines the target.",
}
"""What docstrings say of values of Python, and what to say of it here."""
