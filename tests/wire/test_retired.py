"""Models that were switched off: the error says so and names another; a warning comes before."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

import structgen.wire.models.retired as retired
from structgen import Client
from structgen.cli import main as cli
from structgen.errors import ModelRetiredError, NotFoundError
from structgen.testing import ScriptedTransport
from structgen.values import Reply
from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.retired import named_in, retired_model

ROOT = Path(__file__).parents[2]
GONE = "llama-3.3-70b-versatile"


def refusal(status: int, code: str) -> Reply:
    error = {"message": "It does not exist, or you do not have access to it.", "code": code}
    return Reply(status, {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "code"), [(404, "model_not_found"), (400, "model_decommissioned")]
)
def test_the_error_names_another_model(status: int, code: str) -> None:
    script = ScriptedTransport(refusal(status, code))
    client = Client(f"groq:{GONE}", api_key="k", transport=script)
    with pytest.raises(ModelRetiredError, match=r"ended on 2026-08-16; use openai/gpt-oss-120b"):
        client.extract(int, "seven")


def test_a_typo_is_no_retired_model() -> None:
    script = ScriptedTransport(refusal(404, "model_not_found"))
    client = Client("groq:llama-3.3-70b-verstaile", api_key="k", transport=script)
    with pytest.raises(NotFoundError) as caught:
        client.extract(int, "seven")
    assert not isinstance(caught.value, ModelRetiredError)


def test_an_unknown_model_may_be_decommissioned_too() -> None:
    script = ScriptedTransport(refusal(400, "model_decommissioned"))
    client = Client("groq:some-old-model", api_key="k", transport=script)
    with pytest.raises(ModelRetiredError) as caught:
        client.extract(int, "seven")
    assert caught.value.replacement is None


def test_a_client_warns_of_an_end_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    end = date.today() + timedelta(days=9)
    soon = ModelFacts(provider="groq", model="soon-gone", ends=end, replacement="the-next")
    monkeypatch.setattr(retired, "RETIRED", (soon,))
    with pytest.warns(FutureWarning, match="soon-gone ends on .*; use the-next") as told:
        Client("groq:soon-gone", api_key="k")
    assert told[0].filename == __file__


def check(path: Path) -> tuple[int, str]:
    out = io.StringIO()
    code = cli.run(["models", "check", str(path)], io.StringIO(), out, io.StringIO())
    return code, out.getvalue()


def test_a_project_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(f"""\nmodel = "groq:{GONE}"\nother = "my-{GONE}"\n""")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "old.py").write_text(GONE)
    code, out = check(tmp_path)
    assert code == 6
    line, used = out.splitlines()
    assert used.startswith(f"uses groq:{GONE}: ")
    assert line.startswith(f"{tmp_path / 'job.py'}:2: groq:{GONE} ended on 2026-08-16")
    (tmp_path / "job.py").write_text("""Client("groq:openai/gpt-oss-20b")\nClient("vllm:m")\n""")
    code, out = check(tmp_path)
    assert code == 0
    _, groq, vllm = out.splitlines()
    assert groq.startswith(
        "uses groq:openai/gpt-oss-20b: 131,072 tokens of context, at most 65,536"
    )
    assert vllm == "uses vllm:m: nothing is known of its lengths and prices"
    (tmp_path / "job.py").unlink()
    assert check(tmp_path)[0] == 0
    assert check(tmp_path / "nowhere")[0] == 2


READ = date(2026, 11, 29)
"""The day on which the rows' facts were read last, which goes with them: or else this test would
fail one day although nothing was changed."""


def test_pages_and_examples_name_no_model_that_ended_but_where_they_say_when() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.py")]
    ended = [
        f"{page.relative_to(ROOT)}:{line}"
        for page in pages
        for line, model in named_in(page.read_text())
        if model.ends is not None
        and model.ends <= READ
        and str(model.ends) not in page.read_text().splitlines()[line - 1]
    ]
    assert not ended


def test_names_are_found_in_any_letter_case() -> None:
    assert retired_model("groq", GONE.upper()) is not None
    assert retired_model("openai", GONE) is None


def test_a_text_names_a_model_with_a_short_name_within_quotes_or_with_its_provider() -> None:
    assert not list(named_in("o1 = 5  # an outcome, as o3"))
    (found,) = named_in('model = "o1"')
    assert (found[0], found[1].provider, found[1].model) == (1, "openai", "o1")
    assert [row.model for _, row in named_in("openai:o1 and openai:gpt-4")] == ["o1", "gpt-4"]


def test_a_name_counts_for_the_provider_that_is_named_with_it() -> None:
    assert not list(named_in(f"openai:{GONE}"))
    assert [row.provider for _, row in named_in(f"my_gateway:{GONE}")] == ["groq"]
