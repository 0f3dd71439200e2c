"""Awkward types: recursion."""

from typing import Literal, Optional, Union

from pydantic import (
    BaseModel,
    Field,
    RootModel,
)
from typing_extensions import TypeAliasType

from tests.schema.awkward.common import Person, case


class Node(BaseModel):
    value: int
    children: list["Node"] = Field(default=[], description="What is below")


class Linked(BaseModel):
    value: str
    next: Optional["Linked"] = Field(default=None, description="the next one")


class Husband(BaseModel):
    name: str
    wife: Optional["Wife"] = None


class Wife(BaseModel):
    name: str
    husband: Husband | None = None
    children: dict[str, "Wife"] = {}


class Leaf(BaseModel):
    op: Literal["leaf"] = "leaf"
    value: float


class BinaryOp(BaseModel):
    op: Literal["add", "mul"]
    left: Union["BinaryOp", Leaf] = Field(discriminator="op")
    right: Union["BinaryOp", Leaf] = Field(discriminator="op")


Tree = TypeAliasType("Tree", "Union[int, list[Tree], dict[str, Tree]]")


class Forest(RootModel[dict[str, Optional["Forest"]]]):
    pass


class Thread(BaseModel):
    """Recursive through a tuple, a set's neighbour and a map at once."""

    pair: tuple[int, Optional["Thread"]] = (0, None)
    by_name: dict[str, list["Thread"]] = {}
    tags: set[str] = set()


class Folder(BaseModel):
    entries: list[Union["Folder", str]] = []
    parent: Union["Folder", Person, None] = None


case(
    "recursive",
    Node,
    Node(value=0),
    Node(value=1, children=[Node(value=2, children=[Node(value=3)]), Node(value=4)]),
)
case(
    "linked",
    Linked,
    Linked(value=""),
    Linked(value="a", next=Linked(value="b", next=Linked(value="c"))),
)
case(
    "mutual",
    Husband,
    Husband(name="h"),
    Husband(
        name="h", wife=Wife(name="w", husband=Husband(name="x"), children={"c": Wife(name="d")})
    ),
)
case(
    "expression",
    BinaryOp,
    *(
        BinaryOp(op="add", left=Leaf(value=1.0), right=r)
        for r in (Leaf(value=2.0), BinaryOp(op="mul", left=Leaf(value=3.0), right=Leaf(value=0.5)))
    ),
)
case("recursive_alias", Tree, 1, [1, [2, {"a": 3}], {}], {"b": []})
case("recursive_root_map", Forest, Forest({}), Forest({"a": None, "b": Forest({"c": Forest({})})}))
case(
    "thread",
    Thread,
    Thread(),
    Thread(pair=(1, Thread(tags={"x"})), by_name={"a": [Thread()], "b": []}),
)
case(
    "recursive_union",
    Folder,
    Folder(),
    Folder(entries=["a", Folder(entries=["b"])], parent=Folder(parent=Person(name="r", born=1))),
)
case("list_of_recursive", list[Node], [], [Node(value=1, children=[Node(value=2)])])
case(
    "map_of_recursive",
    dict[str, Linked | None],
    {},
    {"a": Linked(value="x", next=Linked(value="y")), "b": None},
)
