"""The tree of a pattern of a JSON Schema: in ECMA-262's language, or else in Python's.

`(?i)`, `\\A`, named groups and back-references are common in schemas.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import Node
from structgen.schema.validate.pattern_tree import parse_ecma
from structgen.schema.validate.python_patterns import parse_python

_NAMED: Final = re.compile(r"\(\?<(?=[A-Za-z_])")
_NAMED_REFERENCE: Final = re.compile(r"\\k<(\w+)>")


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Node:
    """The tree of a pattern.

    Raises:
        SchemaError: If `pattern` is none in ECMA-262's language, nor in Python's.
    """
    try:
        return parse_ecma(pattern)
    except SchemaError as error:
        return _parse_other(pattern, error)


def _parse_other(pattern: str, fault: SchemaError) -> Node:
    """The tree of a pattern in Python's language; the ECMA-262 fault if it is none either."""
    named = _NAMED_REFERENCE.sub(r"(?P=\1)", _NAMED.sub("(?P<", pattern))
    try:
        return parse_python(named, re.ASCII, last_line_break=False)
    except SchemaError:
        raise fault from None
