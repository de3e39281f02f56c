"""The suite keys of what runs when a session has ended."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from harness.options import Duration, Options
from harness.suite.given import Text

_Words = Annotated[list[Text], Field(min_length=1)]


class OnFinishKeys(Options):
    """A command that is told of every session of `run` and `gate` when it has ended."""

    command: Annotated[
        _Words,
        Field(
            description="the program and its words, without a shell; it starts in the suite's "
            "folder, with the digest as JSON on its standard input"
        ),
    ]
    timeout_s: Annotated[
        Duration, Field(le=3600, description="then it is ended, with whatever it started")
    ] = 60.0


def _spelled_out(value: Any) -> Any:
    if isinstance(value, list):
        return {"command": value}
    if not isinstance(value, dict | OnFinishKeys):
        raise PydanticCustomError(
            "expected", "expected a list of words, such as [./tell.sh, nightly]: there is no shell"
        )
    return value


OnFinishValue = Annotated[
    OnFinishKeys, BeforeValidator(_spelled_out, json_schema_input_type=_Words | OnFinishKeys)
]
