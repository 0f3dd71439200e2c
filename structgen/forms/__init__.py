"""Forms: one record, filled in over a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.forms.fields import Field as Field
    from structgen.forms.questions import NextQuestion as NextQuestion
    from structgen.forms.session import Dropped as Dropped
    from structgen.forms.session import Form as Form
    from structgen.forms.session import FormArgs as FormArgs
    from structgen.forms.state import Conflict as Conflict
    from structgen.forms.state import Entry as Entry
    from structgen.forms.state import Quote as Quote
    from structgen.forms.state import State as State
    from structgen.forms.state import Step as Step
    from structgen.forms.state import Turn as Turn
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.forms.fields": "Field",
            "structgen.forms.questions": "NextQuestion",
            "structgen.forms.session": "Dropped Form FormArgs",
            "structgen.forms.state": "Conflict Entry Quote State Step Turn",
        },
    )
