"""Awkward types: unions."""

from typing import Annotated, Any, Literal, Union

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    Tag,
)

from tests.schema.awkward.common import Cat, Company, Dog, Flag, Inner, Person, Pet, case


class Place(BaseModel):
    name: str
    where: tuple[float, float] | None = None
    kind: Literal["place"] = "place"


class Untagged(BaseModel):
    who: Person | Company
    others: list[Person | Company | str] = []
    maybe: Person | Company | None = None


class TwoTags(BaseModel):
    """Both variants share two constants, which one strict mode calls ambiguous."""

    class V1(BaseModel):
        kind: Literal["v1"] = "v1"
        version: Literal[1] = 1
        a: str

    class V2(BaseModel):
        kind: Literal["v2"] = "v2"
        version: Literal[2] = 2
        b: int

    doc: V1 | V2


class Owner(BaseModel):
    pet: Pet
    pets: list[Pet] = []
    maybe: Pet | None = None
    default: Pet = Cat(kind="cat", name="Default")


class Multi(BaseModel):
    """One variant has two tags, and the tag goes by an alias."""

    class A(BaseModel):
        tag: Literal["a", "aa"] = Field(alias="@type")
        n: int

    class B(BaseModel):
        tag: Literal["b"] = Field(alias="@type")
        n: str

    item: Annotated[A | B, Field(discriminator="tag")]


class EnumTagged(BaseModel):
    class R(BaseModel):
        state: Literal[Flag.ON]
        r: int

    class G(BaseModel):
        state: Literal[Flag.OFF]
        g: int

    light: Annotated[R | G, Field(discriminator="state")]


def shape_of(value: Any) -> str | None:
    keys = value if isinstance(value, dict) else vars(value)
    return "circle" if "radius" in keys else "square" if "side" in keys else None


class Circle(BaseModel):
    radius: float
    colour: str | None = None


class Square(BaseModel):
    side: float
    colour: str | None = None


Shape = Annotated[
    Union[Annotated[Circle, Tag("circle")], Annotated[Square, Tag("square")]],
    Discriminator(shape_of),
]


class Shapes(BaseModel):
    shapes: list[Shape]


class IntTagged(BaseModel):
    class One(BaseModel):
        v: Literal[1]
        x: int

    class Two(BaseModel):
        v: Literal[2]
        x: str

    u: Annotated[One | Two, Field(discriminator="v")]


class Primitives(BaseModel):
    a: int | str
    b: bool | int | None = None
    c: list[int] | dict[str, int] | str = "s"
    d: int | list[int | list[int]] = 0
    e: Inner | list[Inner] | None = None


class OverlappingUnion(BaseModel):
    """The variants differ by what they require only: every B is an A with more."""

    class A(BaseModel):
        x: int

    class B(A):
        y: int

    class C(B):
        z: int

    u: C | B | A


Nested = Annotated[Union[Pet, Annotated[Union[Literal["none"], int], Field()]], Field()]

case(
    "untagged",
    Untagged,
    Untagged(who=Person(name="A", born=1)),
    Untagged(
        who=Company(name="A", founded=1, staff=[Person(name="B", born=2)]),
        others=["x", Person(name="P", born=3), Company(name="C", founded=4)],
        maybe=Company(name="", founded=0),
    ),
)
case(
    "untagged_root",
    Person | Company | Place,
    Person(name="", born=0),
    Company(name="c", founded=1),
    Place(name="p", where=(1.0, 2.0)),
)
case("two_tags", TwoTags, TwoTags(doc=TwoTags.V1(a="x")), TwoTags(doc=TwoTags.V2(b=2)))
case(
    "discriminated",
    Owner,
    Owner(pet=Cat(kind="cat", name="T")),
    Owner(
        pet=Dog(kind="dog", name="R", tail=False),
        pets=[Cat(kind="cat", name="C", lives=1), Dog(kind="dog", name="D")],
        maybe=Dog(kind="dog", name="M", tail=None),
        default=Cat(kind="cat", name="x", lives=0),
    ),
)
case("discriminated_root", Pet, Cat(kind="cat", name="T"), Dog(kind="dog", name="R", tail=True))
case(
    "multi_tag",
    Multi,
    *(
        Multi.model_validate({"item": i})
        for i in ({"@type": "aa", "n": 1}, {"@type": "b", "n": "x"}, {"@type": "a", "n": 0})
    ),
)
case(
    "enum_tagged",
    EnumTagged,
    EnumTagged(light=EnumTagged.R(state=Flag.ON, r=1)),
    EnumTagged(light=EnumTagged.G(state=Flag.OFF, g=2)),
)
case(
    "int_tagged",
    IntTagged,
    IntTagged(u=IntTagged.One(v=1, x=1)),
    IntTagged(u=IntTagged.Two(v=2, x="x")),
)
case(
    "callable_discriminator",
    Shapes,
    Shapes(shapes=[]),
    Shapes(shapes=[Circle(radius=1.0), Square(side=2.0, colour="red")]),
)
case(
    "primitives",
    Primitives,
    Primitives(a=1),
    Primitives(a="1", b=True, c={"a": 1}, d=[1, [2]], e=[Inner()]),
    Primitives(a="", b=1, c=[1], e=Inner(y="e")),
)
case(
    "overlapping_union",
    OverlappingUnion,
    OverlappingUnion(u=OverlappingUnion.A(x=1)),
    OverlappingUnion(u=OverlappingUnion.B(x=1, y=2)),
    OverlappingUnion(u=OverlappingUnion.C(x=1, y=2, z=4)),
)
case(
    "nested_union",
    list[Nested],
    [],
    ["none", 3, Cat(kind="cat", name="n"), Dog(kind="dog", name="m")],
)
case("union_of_lists", list[int] | list[str], [], [1, 2], ["a"])
case("union_of_maps", dict[str, int] | Person, {"a": 1}, Person(name="n", born=1))
case("union_of_tuples", tuple[int, int] | tuple[str, str, str], (1, 2), ("a", "b", "c"))
case(
    "union_model_typed_dict",
    Person | list[Person] | None,
    None,
    [Person(name="", born=0)],
    Person(name="x", born=1),
)
