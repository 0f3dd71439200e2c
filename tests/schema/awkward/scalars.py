"""Awkward types: values of every kind."""

import ipaddress
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import annotated_types as at
import pydantic
from pydantic import (
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyAddress,
    Json,
    JsonValue,
    NaiveDatetime,
    PositiveInt,
    SecretStr,
    StringConstraints,
)

from tests.schema.awkward.common import case


class Numbers(BaseModel):
    positive: PositiveInt
    ranged: Annotated[int, Field(ge=-5, lt=5)] = 0
    steps: Annotated[int, Field(multiple_of=5)] = 0
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    finite: pydantic.FiniteFloat = 0.0
    cents: Annotated[Decimal, Field(max_digits=8, decimal_places=2)] = Decimal("0.00")
    amount: Annotated[Decimal, Field(ge=0, le=100)] = Decimal("1")
    exact: Decimal = Decimal("0")
    either: int | float = 1


class Strings(BaseModel):
    short: Annotated[str, StringConstraints(min_length=2, max_length=4)] = "ab"
    code: Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{2,}$")] = "ABC-12"
    loose: Annotated[str, Field(pattern="foo")] = "a foo b"
    both: Annotated[str, Field(pattern="^a*$", max_length=3)] = "aa"
    either: Annotated[str, StringConstraints(pattern=r"^(x|y\.z)$")] = "x"
    stripped: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = "s"
    annotated: Annotated[str, at.MinLen(1), at.MaxLen(3)] = "abc"


class Lookahead(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")
    password: Annotated[str, Field(pattern=r"^(?=.*\d)[a-z\d]{4,}$")]


class Times(BaseModel):
    day: date
    at: time = time(0, 0)
    naive: NaiveDatetime | None = None
    aware: AwareDatetime | None = None
    moment: datetime = datetime(2020, 1, 1)
    lasts: timedelta = timedelta(0)
    past: pydantic.PastDate | None = None


class Identities(BaseModel):
    id: uuid.UUID
    v4: pydantic.UUID4 | None = None
    url: AnyUrl | None = None
    web: HttpUrl | None = None
    v4address: ipaddress.IPv4Address | None = None
    network: ipaddress.IPv6Network | None = None
    any_address: IPvAnyAddress | None = None
    path: Path = Path("a/b")


class Binary(BaseModel):
    raw: bytes = b""
    encoded: Base64Bytes = Field(default=b"", validate_default=False)


class BinaryConfig(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    raw: bytes


class Odd(BaseModel):
    secret: SecretStr = SecretStr("hush")
    payload: Json[list[int]] = Field(default_factory=list)
    nothing: None = None
    flag: Literal[True] = True


case(
    "numbers",
    Numbers,
    Numbers(positive=1),
    Numbers(
        positive=10**15,
        ranged=-5,
        steps=25,
        ratio=0.1,
        finite=-1e10,
        cents=Decimal("123456.78"),
        amount=Decimal("99.999"),
        exact=Decimal("-123456789012345678901234567890.000001"),
        either=0.5,
    ),
)
case(
    "strings",
    Strings,
    Strings(),
    Strings(
        short="aäöü",
        code="XYZ-0099",
        loose="foo",
        both="",
        either="y.z",
        stripped="a b",
        annotated="é",
    ),
)
case("lookahead", Lookahead, Lookahead(password="abc1"), Lookahead(password="0000x"))
case(
    "times",
    Times,
    Times(day=date(1, 1, 1)),
    Times(
        day=date(2024, 2, 29),
        at=time(23, 59, 59, 999999),
        naive=datetime(2020, 5, 17, 12, 30),
        aware=datetime(2020, 5, 17, tzinfo=timezone.utc),
        moment=datetime(
            1999, 12, 31, 23, 59, 59, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))
        ),
        lasts=timedelta(days=-1, seconds=3, microseconds=5),
        past=date(2001, 1, 1),
    ),
)
case(
    "durations",
    list[timedelta],
    [],
    [timedelta(days=400, hours=1), timedelta(microseconds=1), timedelta(seconds=-1)],
)
case(
    "identities",
    Identities,
    Identities(id=uuid.UUID(int=0)),
    Identities(
        id=uuid.UUID("12345678-1234-5678-1234-567812345678"),
        v4=uuid.UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479"),
        url=AnyUrl("ftp://example.org/x?y=1#z"),
        web=HttpUrl("https://example.org/"),
        v4address=ipaddress.IPv4Address("10.0.0.1"),
        network=ipaddress.IPv6Network("2001:db8::/32"),
        any_address=ipaddress.IPv6Address("::1"),
        path=Path("/etc/x y"),
    ),
)
case("binary", Binary, Binary(), Binary(raw="né".encode(), encoded=bytes(range(256))))
case("binary_config", BinaryConfig, BinaryConfig(raw=b""), BinaryConfig(raw=bytes(range(256))))
case(
    "odd",
    Odd,
    Odd(),
    Odd.model_validate({"secret": "s", "payload": "[1,2]", "nothing": None, "flag": True}),
)
case("any", Any, None, 0, "x", [1, {"a": None}], {"value": 1, "b": [True, 2.5]})
case("json_value", list[JsonValue], [], [None, {"a": [1, "b"]}, 2.5, False])
case("root_decimal", Decimal, Decimal("1"), Decimal("-0.10"))
case("root_string", Annotated[str, Field(max_length=5)], "", "abcde")
case("root_null", type(None), None, None)
case("root_optional_int", int | None, None, 3)
