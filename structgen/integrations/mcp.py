"""A server of MCP, the Model Context Protocol: extraction as tools of an assistant."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import Unpack

from structgen.client.blocking import Client
from structgen.documents.extract import extract_document
from structgen.errors import (
    ConfigurationError,
    InputError,
    InvalidOutputError,
    MissingPackage,
    StructgenError,
)
from structgen.evaluation.run import evaluate as evaluate_gold
from structgen.extraction.caller import HasCaller
from structgen.flow.drive import aperform
from structgen.integrations.flat import FlatForm
from structgen.integrations.given import client_of
from structgen.options import CallArgs, did_you_mean
from structgen.schema.target import Target, target_of
from structgen.values import kind_of_value

try:
    from anyio import to_thread
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.shared.exceptions import NoBackChannelError
    from mcp_types import (
        ElicitRequest,
        ElicitRequestFormParams,
        ElicitResult,
        InputRequiredResult,
    )
except ImportError as error:
    raise MissingPackage("mcp", "mcp") from error

_FORM: Final = "form"
"""The key of the one question that a call may ask its client."""
_INSTRUCTIONS: Final = (
    "Turns text into typed records that are checked. Call list_targets first; then extract for a "
    "text, extract_document for a long one, or fill_form to let the user fill in a record."
)


def mcp_server(
    targets: Mapping[str, Any], client: HasCaller | None = None, **call: Unpack[CallArgs]
) -> MCPServer:
    """Make a server of MCP whose tools extract records of some targets.

    Its tools are `list_targets`, `extract`, `extract_document`, `evaluate` and `fill_form`. Only
    the given targets can be asked for: a client cannot make the server import anything.

    >>> mcp_server({"person": Person}).run()  # doctest: +SKIP

    Args:
        targets: What can be extracted, each under the name that clients use.
        client: Whom to ask; by default a Client of $STRUCTGEN_MODEL, else of the embedded model.
        **call: What else each question holds, and its options; see `CallArgs`.

    Raises:
        MissingPackage: If the package mcp is not installed.
        TargetError: If a target is no type or schema.
        ConfigurationError: If the targets have no names, or the client is none.
    """
    if not isinstance(targets, Mapping):
        raise ConfigurationError(
            f"`targets` is {kind_of_value(targets)}, but must be a mapping of names to targets.",
            hint='Give each target the name that clients use: {"person": Person}.',
        )
    named = {name: target_of(one) for name, one in targets.items()}
    served = _Served(named, Client() if client is None else client_of(client), call)
    server = MCPServer("structgen", instructions=_INSTRUCTIONS)
    for tool in (
        served.list_targets,
        served.extract,
        served.extract_document,
        served.evaluate,
        served.fill_form,
    ):
        server.add_tool(tool, description=inspect.getdoc(tool))
    return server


class _Served:
    """The tools. Their docstrings are what assistants read."""

    def __init__(
        self, targets: Mapping[str, Target[Any]], client: HasCaller, call: CallArgs
    ) -> None:
        self._targets, self._client, self._call = targets, client, call

    def list_targets(self) -> dict[str, Any]:
        """List the kinds of records that can be extracted, each with its JSON Schema."""
        return {name: target.schema for name, target in self._targets.items()}

    async def extract(
        self, target: str, text: str, instructions: str | None = None
    ) -> dict[str, Any]:
        """Extract one record from a text.

        `target` is a name of list_targets. Gives the value, and the paths of fields that the text
        does not state.
        """
        wanted = self._target(target)
        call: Any = dict(self._call)
        if instructions:
            call |= {"instructions": instructions, "instruction_values": None}
        try:
            result = await aperform(self._client.caller.extract(wanted, text, call))
        except StructgenError as error:
            raise ToolError(str(error)) from error
        return {"value": wanted.dump(result.value), "absent": sorted(result.absent)}

    async def extract_document(self, target: str, text: str) -> dict[str, Any]:
        """Extract one record from a long text, which is read in chunks.

        `target` is a name of list_targets. Gives the merged value, and where chunks differ.
        """
        wanted = self._target(target)
        caller = self._client.caller
        try:
            question = caller.question(wanted, text, self._call)
            result = await aperform(extract_document(caller.backends, question, {}))
        except StructgenError as error:
            raise ToolError(str(error)) from error
        found = result.to_dict()
        return {"value": found["value"], "conflicts": found["conflicts"]}

    async def evaluate(self, target: str, gold: str) -> dict[str, Any]:
        """Measure how often extraction is right, over a file of texts with their right values.

        `target` is a name of list_targets; `gold` is the path of a file on the server's machine.
        Its answers are kept beside it, in a journal.
        """
        wanted = self._target(target)

        def measure() -> dict[str, Any]:
            evaluation = evaluate_gold(wanted, gold, client=self._client, **self._call)
            figures: Any = evaluation.to_dict()
            return {name: held for name, held in figures.items() if name != "records"}

        try:
            return await to_thread.run_sync(measure)
        except StructgenError as error:
            raise ToolError(str(error)) from error

    async def fill_form(
        self, target: str, ctx: Context[Any, Any], message: str = "Please fill in this form."
    ) -> dict[str, Any] | InputRequiredResult:
        """Let the user fill in one record as a form.

        `target` is a name of list_targets; `message` is what the user reads. Gives what the user
        did (accept, decline or cancel), and the checked value.
        """
        form: FlatForm[Any] = FlatForm(self._target(target))
        asked = message
        answers = ctx.input_responses or {}
        answer = answers.get(_FORM)
        while True:
            if answer is None:
                params = ElicitRequestFormParams(message=asked, requested_schema=form.schema)
                try:
                    answer = await ctx.session.elicit_form(asked, form.schema, ctx.request_id)
                except NoBackChannelError:
                    # From revision 2026-07-28 on, a client answers by calling the tool again.
                    return InputRequiredResult(input_requests={_FORM: ElicitRequest(params=params)})
            if not isinstance(answer, ElicitResult) or answer.action != "accept":
                return {"action": getattr(answer, "action", "cancel"), "value": None}
            try:
                value = form.value(answer.content or {})
            except InvalidOutputError as error:
                asked = "\n".join([message, *map(str, error.violations)])
                answer = None
                continue
            return {"action": "accept", "value": self._target(target).dump(value)}

    def _target(self, name: str) -> Target[Any]:
        if name in self._targets:
            return self._targets[name]
        meant = did_you_mean([name], self._targets).strip() or "Call list_targets for the names."
        raise ToolError(str(InputError(f"There is no target {name!r}.", hint=meant)))
