"""A model in this process, driven through outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.local.engine import Engine as Engine
    from structgen.local.engine import open_engine as open_engine
    from structgen.local.models.catalog import installed as installed
    from structgen.local.models.catalog import pull as pull
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.local.engine": "Engine open_engine",
            "structgen.local.models.catalog": "installed pull",
        },
    )
