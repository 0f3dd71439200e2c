"""Types that schema languages stumble over, each with its smallest and its fullest values.

The values stand here by hand, so that a fault shows as a lost value and not as a different schema.
"""

from tests.schema.awkward import (
    behaviour,
    containers,
    enums,
    maps,
    names,
    presence,
    recursion,
    scalars,
    sequences,
    unions,
)
from tests.schema.awkward.common import CASES, Case

__all__ = [
    "CASES",
    "Case",
    "behaviour",
    "containers",
    "enums",
    "maps",
    "names",
    "presence",
    "recursion",
    "scalars",
    "sequences",
    "unions",
]
