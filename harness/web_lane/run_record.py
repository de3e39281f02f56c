"""The files that a web session writes of a run, as they are read again.

`run.json` is what the session knew (`RunRecord`), `requests.json` the server's log of the run.
Stored captures stay readable: fields are only added, with a default, and a change of meaning
raises `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from harness.errors import OutputUnreadable
from harness.model import Capture
from harness.options import Options, Sampling

Seconds = Annotated[float, Field(ge=0, le=1e9)]
Growth = Annotated[int, Field(ge=-(2**53), le=2**53)]


class _Recorded(Options):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Request(_Recorded):
    """One line of the server's log."""

    path: str
    status: int
    bytes: int
    sha256: str
    complete: bool = True


class RecordedFailure(_Recorded):
    """Why the page gave no answer."""

    kind: Annotated[str, Field(min_length=1)]
    message: str
    hint: Annotated[str, Field(min_length=1)]


class RendererMemory(_Recorded):
    """Growth of the page's process in bytes; `absent` says why there is none.

    `gc` is how garbage was collected before each reading.
    """

    gc: str = ""
    method: Literal["smaps_rollup", "dumpsys meminfo"] = "smaps_rollup"
    uss_delta_bytes: Growth | None = None
    pss_delta_bytes: Growth | None = None
    meminfo_pss_delta_bytes: Growth | None = None
    vm_hwm_bytes: Growth | None = None
    absent: str = ""


class Said(_Recorded):
    """What the page wrote to its console, and its uncaught errors."""

    console: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class RunRecord(_Recorded):
    """What the session knows of a run; `phases_s` has launch, evaluate and collect.

    `method` is said where it is not the usual one of the pass.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")]
    pass_: Annotated[Literal["latency", "memory", "quality"], Field(alias="pass")]
    asked: dict[str, str | int | float | bool | None]
    setting: dict[str, str | int | float | bool | None]
    subject: dict[str, str | int | float | bool | None]
    sampling: Sampling
    phases_s: dict[str, Seconds]
    memory: RendererMemory | None = None
    foreign_requests: tuple[str, ...] = ()
    failure: RecordedFailure | None = None
    conditions: Mapping[str, str | int | float | bool | None] = Field(default_factory=dict)
    method: str = ""


_REQUESTS = TypeAdapter(tuple[Request, ...])


def file_of(capture: Capture, name: str) -> bytes:
    """Return a file of a capture.

    Raises:
        OutputUnreadable: it is not there.
    """
    if name not in capture.files:
        raise OutputUnreadable(
            f"the run has no {name}", hint="the run was cut short; measure again"
        )
    return capture.files[name]


def run_record_of(capture: Capture) -> RunRecord:
    """Read `run.json`.

    Raises:
        OutputUnreadable: it is missing or is not what was written.
    """
    try:
        return RunRecord.model_validate_json(file_of(capture, "run.json"))
    # A number of hundreds of digits overflows where options turn whole numbers into seconds.
    except (ValueError, OverflowError) as error:
        raise OutputUnreadable(
            f"run.json is not what the harness writes: {_line(error)}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error


def requests_of(capture: Capture) -> tuple[Request, ...]:
    """Read `requests.json`.

    Raises:
        OutputUnreadable: it is missing or is not what was written.
    """
    try:
        return _REQUESTS.validate_json(file_of(capture, "requests.json"), strict=True)
    except ValueError as error:
        raise OutputUnreadable(
            f"requests.json is not what the harness writes: {_line(error)}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error


def said_of(capture: Capture) -> Said | None:
    """Read `console.json`; None where the run has none.

    Raises:
        OutputUnreadable: it is not what was written.
    """
    if "console.json" not in capture.files:
        return None
    try:
        return Said.model_validate_json(capture.files["console.json"])
    except ValueError as error:
        raise OutputUnreadable(
            f"console.json is not what the harness writes: {_line(error)}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
