"""`df.structgen.extract(...)` for DataFrames of pandas and polars."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any, Final

from structgen.distributed.extractor import Extractor
from structgen.errors import MissingPackage
from structgen.extras import load

_NAME: Final = "structgen"
_EXTRA: Final = "dataframes"


class FrameAccessor:
    """What `df.structgen` is.

    Args:
        frame: The DataFrame.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def extract(self, target: Any, model: str | None = None, **args: Any) -> Any:
        """Extract from the text of each row.

        A row that fails has its `error`, and stops no other. The columns `value`, `error`,
        `evidence`, `absent` and `guarantee` are added.

        Args:
            target: As for `extract`, or a name for it ("module:Class", "schema.json").
            model: As for `Client`.
            **args: The other arguments of `structgen.distributed.Extractor`, such as `text`, the
                column of the texts, `structs`, for values with types of their own, and `prefix`.

        Returns:
            A DataFrame of the same kind, with the same rows and further columns.

        Raises:
            InputError: If there is no column of texts, or a column of a name that is to be added.
        """
        return Extractor(target, model, **args).frame(self._frame)


def add_accessor() -> None:
    """Give the DataFrames of pandas and polars, whichever is installed, `df.structgen`.

    Raises:
        MissingPackage: If neither is installed.
    """
    installed = [name for name in ("pandas", "polars") if find_spec(name) is not None]
    if not installed:
        raise MissingPackage("pandas", _EXTRA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a second call replaces the first one's accessor
        if "pandas" in installed:
            load("pandas.api.extensions", _EXTRA).register_dataframe_accessor(_NAME)(FrameAccessor)
        if "polars" in installed:
            load("polars.api", _EXTRA).register_dataframe_namespace(_NAME)(FrameAccessor)
