"""What a model says beside its files: whose it is, and the workload that runs it in a page."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from harness.options import Number, Options, PositiveSeconds
from harness.suite.given import Given, Text

_MOST_ASSETS = 64
_Option: TypeAlias = str | int | float | bool


def _beside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
        raise ValueError(
            f"{name[:80]!r} is no plain path of a file beside the module or below its folder"
        )
    return name


class ScheduleKeys(Options):
    """A source of frames that does not wait, such as a camera."""

    frames_per_second: Annotated[
        Number,
        Field(gt=0, le=1000, description="how many frames are due each second"),
    ] = 30.0
    seconds: Annotated[
        PositiveSeconds, Field(description="how long frames come, after the timed iterations")
    ] = 2.0


class WorkloadKeys(Options):
    """An ES module that is measured in the page; a text alone is short for `module:`."""

    module: Annotated[
        Text,
        Field(
            description="the module, with `setup`, `run` and `teardown`; relative paths count "
            "from the suite's folder"
        ),
    ]
    assets: Annotated[
        list[Annotated[Text, AfterValidator(_beside)]],
        Field(
            max_length=_MOST_ASSETS,
            description="further files that the module imports or fetches, by their paths from "
            "the module's folder; nothing else is served",
        ),
    ] = Field(default_factory=list)
    options: Annotated[
        dict[Text, _Option],
        Field(description="what the module gets as `options`"),
    ] = Field(default_factory=dict)
    schedule: Annotated[
        ScheduleKeys | None,
        Given,
        Field(
            description="frames that are due at a steady rate: counts those that are dropped "
            "because the one before is still under way"
        ),
    ] = None


def _spelled_out(value: Any) -> Any:
    if isinstance(value, str):
        return {"module": value}
    if not isinstance(value, dict | WorkloadKeys):
        raise PydanticCustomError("expected", "expected the path of a module, or the key module")
    return value


Workload = Annotated[
    WorkloadKeys, BeforeValidator(_spelled_out, json_schema_input_type=Text | WorkloadKeys)
]


class BesideItsFiles(Options):
    """The keys of a model that say nothing of its files."""

    workload: Annotated[
        Workload | None,
        Given,
        Field(
            description="measure this module, which runs the model among other things, in place "
            "of the model alone; web targets with TF.js only"
        ),
    ] = None
    licence: Annotated[
        Text | None, Given, Field(description="the licence of its weights; the tables name it")
    ] = None
    source: Annotated[
        Text | None,
        Given,
        Field(
            description="where its files come from, such as a package and its version; the "
            "tables name it, and so does the message if a file is missing"
        ),
    ] = None
