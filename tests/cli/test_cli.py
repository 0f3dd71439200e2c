"""The command line: values on standard output, everything else on standard error, and an exit code for each kind of end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from structgen.cli import main as cli

EXAMPLES = Path(__file__).parents[2] / "examples"
ADVISORY = f"{EXAMPLES / 'advisory.py'}:Advisory"


def run(*argv: str, stdin: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(stdin), out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.slow
def test_extract_prints_the_record_and_says_what_held_it(embedded_cache) -> None:
    code, out, err = run("extract", ADVISORY, str(EXAMPLES / "advisory.txt"), "--model", "local")
    assert code == cli.OK
    record = json.loads(out)
    assert record["cve"] == "CVE-2024-1595"
    assert "held while decoding" in err
    assert " s in all" in err


@pytest.mark.slow
def test_extract_reads_standard_input_and_shows_everything_known(embedded_cache) -> None:
    text = (EXAMPLES / "advisory.txt").read_text()
    code, out, _ = run("extract", ADVISORY, "--model", "local", "--result", "--quiet", stdin=text)
    assert code == cli.OK
    result = json.loads(out)
    assert result["held_by"] == "decoder"
    assert result["attempts"][0]["text"]
    assert result["seconds"]["decode"] > 0


@pytest.mark.slow
def test_several_files_give_one_line_each_and_a_bad_one_stops_nothing(
    embedded_cache, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("  \n")
    code, out, err = run(
        "extract", ADVISORY, str(empty), str(EXAMPLES / "advisory.txt"), "--model", "local"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert [set(line) for line in lines] == [{"file", "error"}, {"file", "value"}]
    assert lines[0]["error"]["type"] == "InputError"
    assert code == cli.USAGE
    assert "empty" in err


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
    ],
)
def test_a_call_that_has_to_change_exits_with_2_and_says_what(
    argv: tuple[str, ...], said: str, monkeypatch
) -> None:
    monkeypatch.delenv("STRUCTGEN_MODEL", raising=False)
    code, out, err = run(*argv)
    assert code == cli.USAGE
    assert said in err
    assert out == ""


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
    assert code == cli.SERVER
    assert "ConnectionFailedError" in err
    assert out == ""


def test_plan_shows_the_question_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "unused")
    code, out, _ = run(
        "extract", ADVISORY, "--model", "groq:openai/gpt-oss-20b", "--plan", stdin="some text"
    )
    plan = json.loads(out)
    assert code == cli.OK
    assert plan["mode"] == "strict"
    assert plan["body"]["response_format"]["json_schema"]["strict"] is True


def test_compile_prints_the_schema_and_its_notes() -> None:
    code, out, err = run("compile", ADVISORY, "--for", "groq-strict")
    assert code == cli.OK
    assert json.loads(out)["additionalProperties"] is False
    assert "structgen:" in err


def test_audit_prints_a_line_per_field() -> None:
    code, out, _ = run("audit", ADVISORY, "--for", "openai-strict")
    assert code == cli.OK
    assert "headquarters" in out


def test_help_lists_the_commands_and_exit_codes() -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "extract" in out
    assert "130" in out
