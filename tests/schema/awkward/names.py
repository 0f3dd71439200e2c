"""Awkward types: names."""

from datetime import date

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
)
from pydantic.alias_generators import to_camel

from tests.schema.awkward.common import Inner, case


class Aliased(BaseModel):
    first_name: str = Field(alias="firstName")
    class_: str = Field(default="x", alias="class")
    ref: str | None = Field(default=None, alias="$ref")
    slash: int = Field(alias="a/b~c")
    dotted: int = Field(default=0, alias="a.b c")
    unicode: str = Field(default="ü", alias="ключ")
    quote: int | None = Field(default=None, alias='say "hi"')


class CamelCase(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    family_name: str
    given_names: list[str] = []
    date_of_birth: date | None = None


class TwoAliases(BaseModel):
    """Read under one name, written under another; and the name of one is the alias of the other."""

    a: int = Field(validation_alias="b", serialization_alias="out_a")
    b: int = Field(validation_alias="a", serialization_alias="out_b")
    choice: str = Field(default="c", validation_alias=AliasChoices("theChoice", "the_choice"))


class DeepAlias(BaseModel):
    city: str = Field(validation_alias=AliasPath("address", "city"))
    zip: str = Field(validation_alias=AliasPath("address", "zip"))


class Keywords(BaseModel):
    """Fields named as JSON Schema's own words, and as the members a codec might use."""

    type: str
    properties: dict[str, int]
    items: list[int]
    required: bool
    enum: str | None = None
    const: str = "c"
    default: int = 1
    title: str = "t"
    description: str = "d"
    additionalProperties: str | None = None
    anyOf: list[str] = []
    key: str = "k"
    value: str | None = "v"
    entries: dict[str, str] = {}
    absent: str | None = None


class ClashingExtras(BaseModel):
    """Open, and with fields named as what would hold the extras."""

    model_config = ConfigDict(extra="allow")
    extra: dict[str, int] = {}
    extras: str | None = None
    additional_properties: int = 0


class SameName(BaseModel):
    """Two different models with one name, one inside the other."""

    class Inner(BaseModel):
        deep: bool

    inner: Inner
    outer: Inner | None = None


class SameNames(BaseModel):
    one: Inner
    two: SameName.Inner


case(
    "aliased",
    Aliased,
    *(Aliased.model_validate(d) for d in ({"firstName": "A", "a/b~c": 1},)),
    Aliased.model_validate(
        {
            "firstName": "",
            "class": "y",
            "$ref": "#/x",
            "a/b~c": 0,
            "a.b c": 3,
            "ключ": "я",
            'say "hi"': 5,
        }
    ),
)
case(
    "camel_case",
    CamelCase,
    CamelCase(family_name="L"),
    CamelCase(family_name="L", given_names=["A", "B"], date_of_birth=date(1815, 12, 10)),
)
case(
    "two_aliases",
    TwoAliases,
    TwoAliases.model_validate({"b": 1, "a": 2}),
    TwoAliases.model_validate({"b": 0, "a": 0, "the_choice": "z"}),
)
case(
    "deep_alias",
    DeepAlias,
    *(DeepAlias.model_validate({"address": {"city": c, "zip": "1"}}) for c in ("", "Oslo")),
)
case(
    "keywords",
    Keywords,
    Keywords(type="", properties={}, items=[], required=False),
    Keywords(
        type="t",
        properties={"type": 1},
        items=[0],
        required=True,
        enum="e",
        const="",
        default=0,
        title="",
        description="",
        additionalProperties="a",
        anyOf=["x"],
        key="",
        value=None,
        entries={"key": "value"},
        absent="no",
    ),
)
case(
    "clashing_extras",
    ClashingExtras,
    ClashingExtras(),
    ClashingExtras.model_validate(
        {"extra": {"extra": 1}, "extras": "e", "more": [1, {"a": None}], "additional_properties": 2}
    ),
)
case(
    "same_names",
    SameNames,
    SameNames(one=Inner(), two=SameName.Inner(deep=True)),
    SameNames(one=Inner(x=3, y="y"), two=SameName.Inner(deep=False)),
)
case(
    "same_name",
    SameName,
    *(
        SameName(inner=SameName.Inner(deep=b), outer=o)
        for b, o in ((True, None), (False, SameName.Inner(deep=True)))
    ),
)
