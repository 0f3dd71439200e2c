"""`examples=Nearest(...)`: every document is shown the examples that are most like it."""

from __future__ import annotations

import io
import json
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client, Form, Job, Nearest
from structgen.cli import main as cli
from structgen.cli.exits import USAGE
from structgen.errors import ConfigurationError, InputError, StructgenError
from structgen.evaluation.gold import GoldRecord, load_gold
from structgen.evaluation.run import evaluate
from structgen.extraction.examples import budget_for, tokens_of
from structgen.pipeline.record import Outcome
from structgen.schema.compiler import Compiled
from structgen.schema.target import target_of
from structgen.testing import FaultyServer, ScriptedModel, Served
from structgen.testing.scripted import completion
from structgen.values import Message


class Order(BaseModel):
    drink: str
    count: int | None = None


POOL: list[tuple[str, dict[str, Any]]] = [
    ("Two teas, please.", {"drink": "tea", "count": 2}),
    ("A coffee with milk.", {"drink": "coffee"}),
    ("Three coffees to go.", {"drink": "coffee", "count": 3}),
    ("Where is the station?", {"drink": "none"}),
    ("我要三杯咖啡", {"drink": "咖啡", "count": 3}),
    ("我要两杯绿茶", {"drink": "绿茶", "count": 2}),
    ("أريد قهوة من فضلك", {"drink": "قهوة"}),
    ("मुझे दो चाय चाहिए", {"drink": "चाय", "count": 2}),
]
ANSWER = '{"drink":"tea","count":4}'


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    rows = [
        {"key": f"k{number}", "text": text, "value": value}
        for number, (text, value) in enumerate(POOL)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def shown(messages: Sequence[Message]) -> list[str]:
    """The texts of the examples that a question shows."""
    said = [str(one["content"]) for one in messages if one["role"] == "user"]
    return [text.removeprefix("<document>\n").removesuffix("\n</document>") for text in said[:-1]]


def asked(model: ScriptedModel) -> list[list[str]]:
    return [shown(messages) for messages in model.asked]


# ---- which ones --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "nearest"),
    [
        ("Five teas, please", "Two teas, please."),
        ("COFFEE WITH SUGAR", "A coffee with milk."),
        ("我要一杯咖啡", "我要三杯咖啡"),
        ("我要绿茶", "我要两杯绿茶"),
        ("قهوة واحدة", "أريد قهوة من فضلك"),
        ("दो चाय", "मुझे दो चाय चाहिए"),
    ],
)
def test_the_nearest_is_found_in_any_script(document: str, nearest: str) -> None:
    chosen = Nearest(POOL, k=2).choose(Order, document)
    assert len(chosen) == 2
    assert chosen[-1].text == nearest


def test_texts_that_are_nearly_the_same_are_shown_once() -> None:
    alike = [(f"Two teas, please{end}", {"drink": "tea", "count": 2}) for end in (".", "!", " ...")]
    texts = [one.text for one in Nearest([*alike, *POOL], k=3).choose(Order, "Two teas today.")]
    assert len([text for text in texts if text.startswith("Two teas")]) == 1
    assert len(texts) == 3


def test_the_document_is_not_its_own_example(gold: Path) -> None:
    model = ScriptedModel(ANSWER)
    client = Client(model)
    client.extract(Order, "two teas,  PLEASE", examples=Nearest(gold))
    assert "Two teas, please." not in asked(model)[0]


def test_what_is_fixed_stays_before_the_examples() -> None:
    client = Client(ScriptedModel(ANSWER))
    first, second = (
        client.plan(Order, text, instructions="Be brief.", examples=Nearest(POOL)).messages
        for text in ("Five teas.", "我要绿茶")
    )
    assert first[0] == second[0]
    assert first[0]["role"] == "system"
    assert first[-1]["content"] == "<document>\nFive teas.\n</document>"
    assert first[-3]["content"] == "<document>\nTwo teas, please.\n</document>"


def test_answers_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []
    encode = Compiled.encode

    def counted(compiled: Compiled[Any], value: Any) -> Any:
        encoded.append(value)
        return encode(compiled, value)

    monkeypatch.setattr(Compiled, "encode", counted)
    client, pool = Client(ScriptedModel(ANSWER)), Nearest(POOL)
    for _ in range(3):
        client.extract(Order, "Five teas.", examples=pool)
    assert 3 <= len(encoded) <= len(POOL)
    before = len(encoded)
    client.extract(Order, "Six teas.", examples=pool)
    assert len(encoded) == before


# ---- how many tokens ---------------------------------------------------------------------------


def test_examples_keep_their_budget() -> None:
    pool = [(f"{word} " * 40, {"drink": word}) for word in ("tea", "coffee", "water")]
    plan = Client(ScriptedModel(ANSWER)).plan(
        Order, "tea coffee water", examples=Nearest(pool, max_tokens=200)
    )
    texts = shown(plan.messages)
    answers = [str(one["content"]) for one in plan.messages if one["role"] == "assistant"]
    assert 1 <= len(texts) < 3
    assert sum(map(tokens_of, texts, answers)) <= 200


@pytest.mark.parametrize(
    ("context", "used", "budget"),
    [
        (None, 100, 2_000),
        (4_096, 100, 1_024),
        (131_072, 100, 4_000),
        (4_096, 2_500, 572),
        (4_096, 4_000, 0),
    ],
)
def test_the_default_budget_follows_from_the_context(
    context: int | None, used: int, budget: int
) -> None:
    assert budget_for(context, used) == budget


class Small(ScriptedModel):
    context = 250


def test_a_small_context_takes_fewer_examples() -> None:
    document = "Five teas, please. " * 10
    large = Client(ScriptedModel(ANSWER)).plan(Order, document, examples=Nearest(POOL))
    small = Client(Small(ANSWER)).plan(Order, document, examples=Nearest(POOL))
    assert len(shown(small.messages)) < len(shown(large.messages)) == 3


# ---- where it works ----------------------------------------------------------------------------


def test_extract_stream_map_and_job_choose_for_each_document(gold: Path, tmp_path: Path) -> None:
    model, documents = ScriptedModel(ANSWER), ["Five teas, please", "我要绿茶"]
    client, pool = Client(model), Nearest(gold, k=1)
    for document in documents:
        client.extract(Order, document, examples=pool)
    for document in documents:
        with client.stream(Order, document, examples=pool) as partials:
            list(partials)
    list(client.map(Order, documents, examples=pool, concurrency=1))
    Job(Order, documents, client=client, journal=tmp_path / "j", examples=pool, concurrency=1).run()
    assert asked(model) == [["Two teas, please."], ["我要两杯绿茶"]] * 4


def test_chunks_choose_for_themselves_and_leave_out_the_whole_document() -> None:
    parts = ["Five teas for the first table.", "我要绿茶 给第二桌"]
    whole = "\n\n".join(parts)
    pool = [*POOL, (whole, {"drink": "tea"})]
    model = ScriptedModel(ANSWER)
    found = Client(model).extract_document(
        Order, whole, examples=Nearest(pool, k=1), chunk_tokens=10, concurrency=1
    )
    assert asked(model) == [["Two teas, please."], ["我要两杯绿茶"]]
    assert found.copied == set()
    found = Client(ScriptedModel('{"drink":"tea","count":12}')).extract_document(
        Order, whole, examples=[("Twelve coffees", {"drink": "coffee", "count": 12})]
    )
    assert found.copied == {"/count"}


def test_a_form_chooses_for_each_turn(gold: Path) -> None:
    model = ScriptedModel('{"drink":"tea","count":null}', '{"count":3}')
    form = Form(Order, client=Client(model), examples=Nearest(gold, k=1))
    form.fill("Teas, please!")
    form.set("/drink", "tea")
    form.fill("And three coffees.")
    assert [texts[1:] for texts in asked(model)] == [
        ["Two teas, please."],
        ["Three coffees to go."],
    ]
    assert '"drink"' not in str(model.asked[1][-2]["content"])  # it is locked, so not asked about


def test_turns_need_not_state_what_a_record_requires(tmp_path: Path) -> None:
    gold = tmp_path / "turns.jsonl"
    gold.write_text('{"text": "Make it four.", "value": {"count": 4}}', encoding="utf-8")
    model = ScriptedModel('{"drink":null,"count":5}')
    Form(Order, client=Client(model), examples=Nearest(gold)).fill("Make it five.")
    assert asked(model)[0][-1] == "Make it four."
    gold.write_text('{"text": "Make it four.", "value": {"cuont": 4}}', encoding="utf-8")
    with pytest.raises(InputError, match="cuont"):
        Form(Order, client=Client(model), examples=Nearest(gold))


def test_an_evaluation_shows_no_record_with_its_own_document(gold: Path, tmp_path: Path) -> None:
    records = [
        GoldRecord(key="k0", document="Two cups of tea!", value={"drink": "tea", "count": 2}),
        GoldRecord(key="other", document="Two teas for us!", value={"drink": "tea", "count": 2}),
    ]
    model = ScriptedModel(ANSWER)
    run = evaluate(
        Order,
        records,
        client=Client(model),
        journal=tmp_path / "j",
        concurrency=1,
        examples=Nearest(gold, k=1),
    )
    assert asked(model)[0] != ["Two teas, please."]  # its key is k0, too
    assert asked(model)[1] == ["Two teas, please."]
    assert run.figures["copied"] == 0.0


def command(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_command_line_takes_any_gold(form: str, gold: Path, tmp_path: Path) -> None:
    (tmp_path / "target.py").write_text(
        "from pydantic import BaseModel\n\n"
        "class Order(BaseModel):\n    drink: str\n    count: int | None = None\n"
    )
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": "Five teas, please"}\n')
    pool = gold
    if form == "csv":
        pool = tmp_path / "gold.csv"
        pool.write_text("text,drink,count\nTwo teas,tea,2\nWhere?,none,\n")
    with FaultyServer(Served(body=completion(ANSWER))) as server:
        code, _, err = command(
            *("run", f"{tmp_path / 'target.py'}:Order", str(tmp_path / "in.jsonl")),
            *("-o", str(tmp_path / "out.jsonl"), "--model", "m", "--base-url", server.base_url),
            *("--examples", str(pool), "--nearest", "1", "--progress", "none"),
        )
        assert code == 0, err
        body = json.loads(server.requests[-1].body)
    assert [text[:8] for text in shown(body["messages"])] == ["Two teas"]
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["copied"] == []


def test_nearest_without_examples_is_a_usage_error(tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    schema.write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    code, _, err = command("extract", str(schema), "--nearest", "3", "--model", "m")
    assert code == USAGE
    assert "--examples FILE" in err


def test_a_pool_travels_to_other_processes(gold: Path) -> None:
    pool = Nearest(gold, k=1)
    before = pool.choose(Order, "Five teas")
    again = pickle.loads(pickle.dumps(pool))
    assert [one.text for one in again.choose(Order, "Five teas")] == [before[0].text]


# ---- wrong pools -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "gold.jsonl:9 is not JSON"),
        ('{"text": "b"}', "gold.jsonl:9 is no gold"),
        ('{"text": "b", "value": {"count": 1}}', "gold.jsonl:9: the value does not fit Order"),
        ('{"text": "b", "value": {"drink": "a", "cuont": 1}}', "gold.jsonl:9"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_asked(line: str, said: str, gold: Path) -> None:
    with gold.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    model = ScriptedModel(ANSWER)
    with pytest.raises(InputError, match=said):
        list(Client(model).map(Order, ["Five teas"] * 3, examples=Nearest(gold)))
    assert model.asked == []


def test_a_pool_has_examples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no examples to choose from"):
        Client(ScriptedModel(ANSWER)).extract(Order, "tea", examples=Nearest([]))
    with pytest.raises(InputError, match="no file or folder"):
        Client(ScriptedModel(ANSWER)).extract(Order, "tea", examples=Nearest(tmp_path / "none"))
    with pytest.raises(InputError, match="Example 2"):
        Nearest([POOL[0], "tea"])


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": "3"}, {"max_tokens": 0}, {"diversity": 2}])
def test_numbers_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Nearest(POOL, **wrong)


# ---- forms of examples -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [
        ("Two teas.", Order(drink="tea", count=2)),
        ("Two teas.", {"drink": "tea", "count": 2}),
        ["Two teas.", {"drink": "tea", "count": 2}],
        {"text": "Two teas.", "value": {"drink": "tea", "count": 2}},
        {"document": "Two teas.", "gold": Order(drink="tea", count=2)},
        {"messages": [{"role": "user", "content": "Two teas."}], "value": Order(drink="tea")},
        GoldRecord(key="1", document="Two teas.", value={"drink": "tea", "count": 2}),
    ],
)
@pytest.mark.parametrize("pool", [list, Nearest])
def test_examples_come_in_several_forms(example: Any, pool: Any) -> None:
    plan = Client(ScriptedModel(ANSWER)).plan(Order, "Three teas.", examples=pool([example]))
    assert shown(plan.messages) == ["Two teas."]
    assert json.loads(str(plan.messages[2]["content"]))["drink"] == "tea"


def test_gold_records_are_examples(gold: Path) -> None:
    records = load_gold(gold, target_of(Order))
    plan = Client(ScriptedModel(ANSWER)).plan(Order, "Three teas.", examples=records)
    assert shown(plan.messages) == [text for text, _ in POOL]


# ---- the journal -------------------------------------------------------------------------------


def test_another_pool_asks_again_only_where_it_shows_something_else(tmp_path: Path) -> None:
    documents = ["Five teas, please", "我要绿茶"]

    def run(pool: list[tuple[str, dict[str, Any]]]) -> list[list[str]]:
        model = ScriptedModel(ANSWER)
        client = Client(model)
        outcomes: list[Outcome[Order]] = list(
            client.map(
                Order,
                documents,
                journal=tmp_path / "journal",
                examples=Nearest(pool, k=1),
                concurrency=1,
            )
        )
        assert all(outcome.ok for outcome in outcomes)
        return asked(model)

    assert len(run(POOL)) == 2
    assert run(POOL[::-1]) == []
    assert run([*POOL, ("What is the time?", {"drink": "none"})]) == []
    assert run([*POOL, ("Five teas please, now", {"drink": "tea"})]) == [["Five teas please, now"]]


# ---- copied values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "document", "copied"),
    [
        ({"drink": "tea", "count": 12}, "Coffee please.", {"/drink", "/count"}),
        ({"drink": "tea", "count": 12}, "TEA for 12.", set()),
        ({"drink": "green tea", "count": 7}, "Coffee.", set()),
        ({"drink": "tea", "count": 12}, "Tea for 112.", {"/count"}),
    ],
)
def test_values_of_an_example_that_the_text_lacks_are_told(
    answer: dict[str, Any], document: str, copied: set[str]
) -> None:
    client = Client(ScriptedModel(json.dumps(answer)))
    examples = [("Twelve teas.", Order(drink="tea", count=12))]
    result = client.extract_result(Order, document, examples=examples)
    assert result.copied == copied
    assert result.to_dict("copied") == {"copied": sorted(copied)}
    (outcome,) = client.map(Order, [document], examples=examples)
    assert outcome.row()["copied"] == sorted(copied)


def test_context_instructions_and_labels_are_not_copied_from_examples() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "size": {"enum": ["small", "large"]}},
        "required": ["a", "size"],
    }
    client = Client(ScriptedModel('{"a":"EUR","size":"large"}'))
    examples = [("One euro", {"a": "EUR", "size": "large"})]
    assert client.extract_result(schema, "5", examples=examples).copied == {"/a"}
    for place in ("context", "instructions"):
        call: Any = {place: "Amounts are in EUR."}
        assert client.extract_result(schema, "5", examples=examples, **call).copied == set()


def test_an_evaluation_counts_copied_values(tmp_path: Path) -> None:
    records = [GoldRecord(key="a", document="Coffee.", value={"drink": "coffee", "count": None})]
    client = Client(ScriptedModel(json.dumps({"drink": "tea", "count": 2})))
    run = evaluate(
        Order, records, client=client, journal=tmp_path / "j", examples=Nearest(POOL, k=8)
    )
    assert run.figures["copied"] == 1.0
    assert "copied" in run.table()
    run.save(tmp_path / "run.json")
    assert type(run).load(tmp_path / "run.json").figures["copied"] == 1.0


def test_samples_that_vote_tell_what_was_copied() -> None:
    client = Client(ScriptedModel(json.dumps({"drink": "tea", "count": 12})))
    examples = [("Twelve teas.", Order(drink="tea", count=12))]
    assert client.extract_result(Order, "Coffee", examples=examples, samples=3).copied == {
        "/drink",
        "/count",
    }


# ---- large pools -------------------------------------------------------------------------------


def test_ten_thousand_records_are_quick() -> None:
    words = [f"{a}{b}{c}" for a in "bcdfgl" for b in "aeiou" for c in "nmrst"]
    pool = [
        (" ".join(words[(n * step) % len(words)] for step in range(3, 18)), {"drink": f"d{n}"})
        for n in range(10_000)
    ]
    nearest = Nearest(pool)
    nearest.choose(Order, "warm up")
    began = time.process_time()
    for n in range(20):
        nearest.choose(Order, " ".join(words[n : n + 15]))
    assert (time.process_time() - began) / 20 < 0.25


def test_every_error_is_one_of_ours() -> None:
    for wrong in (5, "text", {"text": "a", "value": 1}, [5], [("a",)], [("", {"drink": "a"})]):
        with pytest.raises(StructgenError):
            Client(ScriptedModel(ANSWER)).plan(Order, "a", examples=wrong)  # type: ignore[arg-type]
