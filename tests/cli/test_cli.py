"""Values go to standard output, everything else to standard error; each end has its exit code."""

from __future__ import annotations

import inspect
import io
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from structgen import errors
from structgen.cli import exits
from structgen.cli import main as cli
from structgen.cli.options import OPTION_GROUPS, SAID_HERE
from structgen.documents.options import ChunkingArgs
from structgen.options import OptionArgs
from structgen.reading.options import ReadArgs
from structgen.testing import FaultyServer, Served, completion

EXAMPLES = Path(__file__).parents[2] / "examples"
ADVISORY = f"{EXAMPLES / 'advisory.py'}:Advisory"


def run(*argv: str, stdin: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(stdin), out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.slow
def test_extract_prints_the_record_and_says_what_held_it(embedded_cache: Path) -> None:
    code, out, err = run("extract", ADVISORY, str(EXAMPLES / "advisory.txt"), "--model", "local")
    assert code == exits.OK
    record = json.loads(out)
    assert record["cve"] == "CVE-2024-1595"
    assert "held while decoding" in err
    assert " s in all" in err


@pytest.mark.slow
def test_extract_reads_standard_input_and_shows_everything_known(embedded_cache: Path) -> None:
    text = (EXAMPLES / "advisory.txt").read_text()
    code, out, _ = run("extract", ADVISORY, "--model", "local", "--result", "--quiet", stdin=text)
    assert code == exits.OK
    result = json.loads(out)
    assert result["held_by"] == "decoder"
    assert result["attempts"][0]["text"]
    assert result["seconds"]["decode"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("more", "told"), [([], True), (["--quiet"], False)])
def test_a_long_prompt_is_told_of_unless_quiet(
    embedded_cache: Path, monkeypatch: Any, capsys: Any, more: list[str], told: bool
) -> None:
    monkeypatch.setattr("structgen.local.decode.prefill._LONG", 100)
    monkeypatch.setattr("structgen.local.decode.prefill._SLOW", 0.0)
    text = "The advisory CVE-2024-1595 is by Delta. " * 60
    run("extract", ADVISORY, "--model", "local", "--max-tokens", "100", *more, stdin=text)
    assert ("The model is reading a prompt of" in capsys.readouterr().err) is told


@pytest.mark.slow
def test_several_files_give_one_line_each_and_a_bad_one_stops_nothing(
    embedded_cache: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("  \n")
    code, out, err = run(
        "extract", ADVISORY, str(empty), str(EXAMPLES / "advisory.txt"), "--model", "local"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert [set(line) for line in lines] == [{"file", "error"}, {"file", "value"}]
    assert lines[0]["error"]["type"] == "InputError"
    assert code == exits.USAGE
    assert "empty" in err


def test_an_image_is_sent_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "k")
    photo = tmp_path / "photo"  # its first bytes tell what it is, not its name
    Image.new("RGB", (4, 4)).save(photo, "PNG")
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"name": {"type": "string"}}}')
    model = "groq:qwen/qwen3.8-27b"
    code, out, _ = run("extract", str(schema), str(photo), "--model", model, "--plan")
    assert code == exits.OK
    plan = json.loads(out)
    assert plan["messages"][-1]["content"][0]["type"] == "image_url"
    assert plan["tokens"] > 2000
    code, _, err = run("extract", str(schema), str(photo), "--model", "groq:openai/gpt-oss-20b")
    assert code == exits.USAGE
    assert "reads text alone" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("extract", "nowhere.py:Model", "--model", "local"), "nowhere.py"),
        (("extract", "no.such.module:Model", "--model", "local"), "no.such.module"),
        (
            ("extract", ADVISORY.replace("Advisory", "Missing", 1), "--model", "local"),
            "advisory.py",
        ),
        (("extract", f"{EXAMPLES / 'advisory.py'}:Missing", "--model", "local"), "Missing"),
        (("extract", ADVISORY, "no-such-file.txt", "--model", "local"), "no-such-file.txt"),
        (("extract", ADVISORY, "--model", "nobody:model"), "nobody"),
        (("extract", ADVISORY), "empty"),
        (("compile", ADVISORY, "--for", "no-such-language"), "openai-strict"),
        (("nonsense",), "usage"),
        ((), "usage"),
        (("extract",), "required: TARGET\n"),
        (("extract", ADVISORY, str(EXAMPLES)), "use `structgen run`"),
        (("models", "pull"), "structgen models pull: error: "),
        (("extract", ADVISORY, "--temperature", "hot"), "'hot' is not a number"),
        (("extract", ADVISORY, "--timeout", "long"), "'long' is not a number or none"),
        (("extract", ADVISORY, "--max-tokens", "1.5"), "'1.5' is not a whole number"),
        (("extract", ADVISORY, "--page-numbers", "one"), "'one' is not a list of pages"),
        (("extract", ADVISORY, "--cascade", ","), "',' is not a list of models"),
        (
            ("run", ADVISORY, "x.csv", "-o", "o.jsonl", "--columns", " "),
            "' ' is not a list of names",
        ),
        (("journal", "stats"), "structgen journal stats: error: "),
        (("providers", "probe"), "structgen providers probe: error: "),
    ],
)
def test_a_call_that_has_to_change_exits_with_2_and_says_what(
    argv: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRUCTGEN_MODEL", raising=False)
    code, out, err = run(*argv)
    assert code == exits.USAGE
    assert said in err
    assert out == ""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("extract", ADVISORY, "--maxtokens", "30"), "Did you mean --max-tokens?"),
        (("extract", ADVISORY, "--on-shortend=keep"), "Did you mean --on-shortened?"),
        (("eval", ADVISORY, "gold.jsonl", "--jsn"), "Did you mean --json?"),
        (("extract", ADVISORY, "--colour-of-the-sky"), "See structgen extract --help."),
        (("models", "pull", "smollm2-135m", "twice"), "there is no twice"),
        (("extract", f"{EXAMPLES / 'advisory.py'}:Advisery"), "Did you mean 'Advisory'?"),
        (("extrct", ADVISORY), "there is no command extrct. Did you mean extract?"),
        (("extract", ADVISORY, "--model", "local", "--prompt", "mine:write"), "no prompt layout"),
    ],
)
def test_a_misspelt_name_is_met_with_the_nearest_one(argv: tuple[str, ...], said: str) -> None:
    code, out, err = run(*argv, stdin="text")
    assert (code, out) == (exits.USAGE, "")
    assert said in err


def test_an_error_tells_the_import_that_failed_once(tmp_path: Path) -> None:
    _, _, err = run("extract", "nowhere.py:Model", stdin="text")
    assert err == "structgen: TargetError: There is no file nowhere.py. Check the path.\n"
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    _, _, err = run("extract", f"{broken}:Model", stdin="text")
    assert "No module named 'no_such_module'. Check the name" in err


def test_a_hint_names_flags_as_they_are_written_here() -> None:
    err = io.StringIO()
    hint = "Raise max_tokens, or accept it with on_shortened='keep'; or pass `base_url`. Full stop."
    exits.tell_error(errors.Truncated("The answer was cut short.", hint=hint), err)
    flags = (
        "Raise --max-tokens, or accept it with --on-shortened keep; or pass --base-url. Full stop."
    )
    assert err.getvalue() == f"structgen: Truncated: The answer was cut short. {flags}\n"


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("Use it. The shortened value is in `salvaged`.", " Use it. `extract --result` prints the"),
        ("Set GROQ_API_KEY, or give `api_key`.", " Set GROQ_API_KEY."),
        ("`violations` names each place.", ""),
    ],
)
def test_a_hint_names_what_there_is_on_the_command_line(hint: str, said: str) -> None:
    err = io.StringIO()
    exits.tell_error(errors.InputError("No.", hint=hint), err)
    assert err.getvalue().startswith(f"structgen: InputError: No.{said}")
    assert "`salvaged`" not in err.getvalue()


def test_the_table_of_exit_codes_is_the_documented_one() -> None:
    page = (EXAMPLES.parent / "docs" / "errors.md").read_text()
    for code, meaning in exits.MEANINGS.items():
        assert f"| {code} | {meaning} |" in page


def test_inputs_may_come_after_options(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "1", "text": "Ada is 36."}\n')
    row = {"key": "1", "value": {"name": "Ada"}, "error": None}
    (tmp_path / "out.jsonl").write_text(json.dumps(row))
    page, results, inputs = (tmp_path / name for name in ("page.html", "out.jsonl", "in.jsonl"))
    code, _, err = run("view", str(results), "-o", str(page), str(inputs), "--key", "id")
    assert (code, err) == (exits.OK, "")
    assert "Ada is 36." in page.read_text()
    code, _, err = run("view", str(results), "--no-such-flag", "word")
    assert code == exits.USAGE
    code, _, err = run("eval", "a.py:A", "gold.jsonl", "one too many")
    assert code == exits.USAGE
    assert "one too many" in err


def test_a_warning_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_soon(arguments: Any, streams: Any) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("The model m ends soon.", FutureWarning, stacklevel=1)
        return exits.OK

    [view] = [one for one in cli.COMMANDS if one.name == "view"]
    monkeypatch.setattr(cli, "COMMANDS", (view._replace(perform=end_soon),))
    assert run("view", "out.jsonl") == (exits.OK, "", "structgen: The model m ends soon.\n")


def test_extract_tells_what_was_taken_out_and_what_is_to_review(tmp_path: Path) -> None:
    target = tmp_path / "note.json"
    members = {"name": {"type": ["string", "null"]}, "age": {"type": "integer"}}
    target.write_text(json.dumps({"type": "object", "properties": members}))
    answer = completion(json.dumps({"name": "n/a", "age": 41}))
    with FaultyServer(Served(body=answer)) as server:
        code, _, err = run(
            *("extract", str(target), "--model", "vllm:m", "--base-url", server.base_url),
            *("--require-evidence", "flag", "--on-ungrounded", "null"),
            stdin="Somebody of 36 years.",
        )
    assert code == exits.OK
    assert "structgen: taken out: /name (null)\n" in err
    assert "structgen: to review: /age (not in the document)\n" in err


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "1", "text": "Ada is 36."}\n')
    code, _, err = run(
        *("run", person(tmp_path), str(tmp_path / "in.jsonl"), "--model", "m"),
        *("-o", str(tmp_path / "none" / "out.jsonl"), "--base-url", "http://127.0.0.1:9/v1"),
    )
    assert code == exits.USAGE
    assert "its folder does not exist" in err


def test_a_bound_of_no_field_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"text": "Ada is 36.", "value": {"name": "Ada"}}\n')
    with FaultyServer(Served(body=completion('{"name": "Ada"}'))) as server:
        flags = ("--model", "m", "--base-url", server.base_url, "--fail-under", "/nmae=0.5")
        code, _, err = run("eval", person(tmp_path), str(gold), *flags)
        assert server.requests == []
    assert code == exits.USAGE
    assert "There is no field /nmae. Fields: /name" in err


def test_a_result_that_failed_shows_its_attempts() -> None:
    with FaultyServer(Served(body=completion('{"title": 1}'))) as server:
        code, out, err = run(
            *("extract", ADVISORY, "--model", "m", "--base-url", server.base_url),
            *("--result", "--max-reasks", "0"),
            stdin="text",
        )
    shown = json.loads(out)
    assert code == exits.NO_VALUE
    assert "InvalidOutputError" in err
    assert shown["error"]["type"] == "InvalidOutputError"
    assert shown["attempts"][0]["text"] == '{"title": 1}'


def test_an_unreachable_server_exits_with_3() -> None:
    code, out, err = run(
        "extract",
        ADVISORY,
        "--model",
        "any",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--max-retries",
        "0",
        stdin="text",
    )
    assert code == exits.SERVER
    assert "ConnectionFailedError" in err
    assert out == ""


def test_plan_shows_the_question_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)  # a plan needs no key
    code, out, _ = run(
        "extract", ADVISORY, "--model", "groq:openai/gpt-oss-20b", "--plan", stdin="some text"
    )
    plan = json.loads(out)
    assert code == exits.OK
    assert plan["mode"] == "strict"
    assert plan["body"]["response_format"]["json_schema"]["strict"] is True


def test_compile_prints_the_schema_and_its_notes() -> None:
    code, out, err = run("compile", ADVISORY, "--for", "groq-strict")
    assert code == exits.OK
    assert json.loads(out)["additionalProperties"] is False
    assert "structgen:" in err


def test_compile_tells_once_what_many_fields_share() -> None:
    invoice = "structgen.schemas.invoice:Invoice"
    code, _, err = run("compile", invoice, "--for", "groq-strict")
    assert code == exits.OK
    assert err.count("a decimal number") == 1
    assert " places (/properties/subtotal/anyOf/0, " in err


def test_audit_prints_a_line_per_field() -> None:
    code, out, _ = run("audit", ADVISORY, "--for", "openai-strict")
    assert code == exits.OK
    assert "headquarters" in out


# ---- options ---------------------------------------------------------------------------------


def person(tmp_path: Path) -> str:
    """A target in a file of its own."""
    target = tmp_path / "person.json"
    schema = {
        "title": "Person",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
    target.write_text(json.dumps(schema))
    return str(target)


def test_every_option_of_a_call_is_a_flag_with_its_help() -> None:
    _, out, _ = run("extract", "--help")
    _, job, _ = run("run", "--help")
    for name in OptionArgs.__annotations__:
        flag = f"--{name.replace('_', '-')}"
        assert re.search(rf"{flag}( \S+)*\s+[A-Z]", out), f"{flag} has no help"
        assert flag in job


def test_options_reach_the_request_in_their_own_types(tmp_path: Path) -> None:
    examples = tmp_path / "examples.jsonl"
    examples.write_text('{"text": "I am Bob.", "value": {"name": "Bob"}}\n')
    with FaultyServer(Served(body=completion('{"name": "Ada"}'))) as server:
        code, out, err = run(
            *("extract", person(tmp_path), "--model", "m", "--base-url", server.base_url),
            *("--temperature", "0.5", "--seed", "7", "--stop", "END", "--stop", "."),
            *("--timeout", "none", "--mode", "json-object", "--extra-body", '{"user": "u1"}'),
            *("--context", "It is May.", "--examples", str(examples)),
            *("--prompt", "Read the text.\n\n{fields}"),
            stdin="I am Ada.",
        )
    assert (code, json.loads(out)) == (exits.OK, {"name": "Ada"}), err
    body = json.loads(server.requests[0].body)
    assert (body["temperature"], body["seed"], body["stop"]) == (0.5, 7, ["END", "."])
    assert body["response_format"] == {"type": "json_object"}
    assert body["user"] == "u1"
    assert "It is May." in json.dumps(body["messages"])
    assert "I am Bob." in json.dumps(body["messages"])
    assert body["messages"][0]["content"].startswith("Read the text.\n\n- name (string)")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--extra-body", "[1]"), "not a JSON object"),
        (("--extra-body", "{"), "not JSON"),
        (("--seed", "x"), "--seed"),
        (("--mode", "any"), "best-effort"),
        (("--prompt", "feilds"), "Did you mean 'fields'?"),
        (("--examples", "no-such-file.jsonl"), "no-such-file.jsonl"),
    ],
)
def test_a_wrong_value_of_a_flag_is_a_usage_error(
    flags: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, out, err = run(
        *("extract", person(tmp_path), "--model", "m", "--base-url", "http://127.0.0.1:9/v1"),
        *flags,
        stdin="text",
    )
    assert (code, out) == (exits.USAGE, "")
    assert said in err


@pytest.mark.slow
def test_a_value_that_was_cut_is_an_error_unless_it_is_kept_and_told(
    embedded_cache: Path, tmp_path: Path
) -> None:
    fruits = tmp_path / "fruits.json"
    items = {"type": "array", "items": {"type": "string"}, "minItems": 2}
    fruits.write_text(json.dumps({**items, "title": "Fruits"}))
    text = "apple, banana, cherry, date, elderberry, fig, grape, honeydew, kiwi, lemon, mango"
    command = ("extract", str(fruits), "--model", "local", "--max-tokens", "14")
    code, out, err = run(*command, stdin=text)
    assert (code, out) == (exits.NO_VALUE, "")
    assert "Truncated" in err
    code, out, err = run(*command, "--on-shortened", "keep", stdin=text)
    assert code == exits.OK
    assert len(json.loads(out)) < 11
    assert "cut short: the whole value" in err
    code, out, _ = run(*command, "--on-shortened", "keep", "--result", stdin=text)
    assert json.loads(out)["shortened"]


def test_a_job_takes_the_options_of_calls_and_its_own_limits(tmp_path: Path) -> None:
    inputs, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    inputs.write_text("".join(f'{{"text": "I am number {n}."}}\n' for n in range(3)))
    with FaultyServer(Served(body=completion('{"name": "Ada"}'))) as server:
        code, _, err = run(
            *("run", person(tmp_path), str(inputs), "-o", str(output), "--progress", "none"),
            *("--model", "m", "--base-url", server.base_url, "--seed", "7"),
            *("--max-seconds", "60", "--max-failure-share", "1", "--context", "It is May."),
        )
    assert code == exits.OK, err
    assert len(output.read_text().splitlines()) == 3
    bodies = [json.loads(request.body) for request in server.requests]
    assert {body["seed"] for body in bodies} == {7}
    assert all("It is May." in json.dumps(body["messages"]) for body in bodies)


# ---- help ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [one.name for one in cli.COMMANDS])
def test_every_command_explains_itself_in_sentences(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == exits.OK
    assert f"usage: structgen {command}" in out
    [summary] = [one.summary for one in cli.COMMANDS if one.name == command]
    assert summary.endswith(".")
    assert summary in " ".join(out.split())


@pytest.mark.parametrize("command", [one.name for one in cli.COMMANDS])
def test_help_names_only_flags_that_there_are(command: str) -> None:
    _, out, _ = run(command, "--help")
    flags = set(re.findall(r"^  (?:-\w \S+, )?(--[\w-]+)", out, flags=re.MULTILINE))
    _, _, explained = out.partition("\n\n")
    named = set(re.findall(r"--[a-zA-Z][\w-]*", explained))
    assert named - flags <= {"--help"}
    assert "(default False)" not in out
    assert "None" not in out


def test_every_option_of_a_call_has_one_group_in_the_help() -> None:
    grouped = [name for names in OPTION_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(OptionArgs.__annotations__)


def test_what_help_says_in_other_words_is_in_the_docstrings() -> None:
    texts = [inspect.getsource(args) for args in (OptionArgs, ReadArgs, ChunkingArgs)]
    written = " ".join(" ".join(texts).split())
    assert [there for there in SAID_HERE if there not in written] == []


def test_help_lists_the_commands_and_exit_codes() -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in cli.COMMANDS:
        assert command.summary in out
    assert "130" in out
    assert "2    usage error" in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Refused("no", refusal="no"), 1),
        (errors.BudgetExceededError("no", budget=1, used=2), 1),
        (errors.InputError("no"), 2),
        (errors.MissingPackage("rich", "pipeline"), 2),
        (errors.RateLimitError("no"), 3),
        (errors.TotalTimeoutError("no"), 3),
        (errors.ModelMissingError("no"), 2),
        (errors.EnginePromptTooLongError("no"), 4),
        (errors.JobError("no"), 2),
        (errors.JournalError("no"), 5),
        (errors.JobStoppedError("no", summary=None, interrupted=True), 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: errors.StructgenError, code: int) -> None:
    assert exits.code_of(error) == code
    assert code in exits.MEANINGS
