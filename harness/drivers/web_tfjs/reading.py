"""From the files of a run to its outcome; pure, and safe on any bytes.

`run.json` is what the session wrote (`RunRecord`), `requests.json` the server's log of the run,
`page.json` the page's answer. Stored captures stay readable: fields are only added, with a
default, and a change of meaning raises `schema`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from harness.errors import OutputUnreadable, RunFailed
from harness.model import (
    Capture,
    Facts,
    Failed,
    Failure,
    Measured,
    Measurement,
    Proof,
    Reading,
    Scalar,
)
from harness.options import Options, Sampling
from harness.tools import tfjs_page
from harness.tools.tfjs_page import TIMED, WASM_BINARIES, PageAnswer

LATENCY_METHOD = "loop in the page, one fresh browser process per run"
MEMORY_METHOD = "after garbage collection, above the same page before TF.js; smaps_rollup"
_MISMATCH_HINT = (
    "what ran is not what was asked for, so it has no number; see requests.json and page.json "
    "of this run, and change the variant or the browser"
)
_PAGE_HINT = "console.json and page.json of this run have what the page said"
_HINTS = {
    "below-timer-resolution": "the model is too small for this clock; measure a larger one",
    "unsupported": "convert the model without it; TF.js' Wasm back end cannot run this",
}
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
    """Growth of the page's process in bytes; `absent` says why there is none."""

    uss_delta_bytes: Growth | None = None
    pss_delta_bytes: Growth | None = None
    absent: str = ""


class RunRecord(_Recorded):
    """What the session knows of a run; `phases_s` has launch, evaluate and collect."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    pass_: Annotated[Literal["latency", "memory"], Field(alias="pass")]
    asked: dict[str, str | int | float | bool | None]
    setting: dict[str, str | int | float | bool | None]
    subject: dict[str, str | int | float | bool | None]
    sampling: Sampling
    phases_s: dict[str, Seconds]
    memory: RendererMemory | None = None
    foreign_requests: tuple[str, ...] = ()
    failure: RecordedFailure | None = None


_REQUESTS = TypeAdapter(tuple[Request, ...])


def read_capture(capture: Capture) -> Reading:
    """Read a run.

    Raises:
        OutputUnreadable: a file is missing or is not what was written.
    """
    run = _run_record(capture)
    requests = _requests(capture)
    if run.failure is not None:
        failure = Failure(run.failure.kind, run.failure.message, run.failure.hint)
        return Reading(
            Failed(failure),
            setting=_setting(run, {}),
            subject=run.subject,
            proof=Proof(run.asked, _served(requests)),
            phases_s=_phases(run, None),
        )
    answer = tfjs_page.read_answer(_file(capture, "page.json"))
    if answer.pass_ != run.pass_:
        raise OutputUnreadable(
            f"the page answers for a {answer.pass_} pass, the run is a {run.pass_} pass",
            hint="files of two runs were mixed up; measure again",
        )
    proof = Proof(run.asked, {**_served(requests), **_seen(answer)})
    reading = Reading(
        outcome=Failed(Failure("", "", "")),
        setting=_setting(run, proof.observed),
        subject=run.subject,
        conditions=_conditions(run, answer),
        proof=proof,
        phases_s=_phases(run, answer),
    )
    failure_ = _failure(run, answer, proof)
    if failure_ is not None:
        return replace(reading, outcome=Failed(failure_))
    try:
        measured = Measured(_measurements(run, answer))
    except RunFailed as error:
        return replace(reading, outcome=Failed(Failure(error.kind, str(error), error.hint)))
    return replace(reading, outcome=measured, outputs=tfjs_page.outputs(answer))


def _file(capture: Capture, name: str) -> bytes:
    if name not in capture.files:
        raise OutputUnreadable(
            f"the run has no {name}", hint="the run was cut short; measure again"
        )
    return capture.files[name]


def _run_record(capture: Capture) -> RunRecord:
    try:
        return RunRecord.model_validate_json(_file(capture, "run.json"))
    # A number of hundreds of digits overflows where options turn whole numbers into seconds.
    except (ValueError, OverflowError) as error:
        raise OutputUnreadable(
            f"run.json is not what the harness writes: {_line(error)}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error


def _requests(capture: Capture) -> tuple[Request, ...]:
    try:
        return _REQUESTS.validate_json(_file(capture, "requests.json"), strict=True)
    except ValueError as error:
        raise OutputUnreadable(
            f"requests.json is not what the harness writes: {_line(error)}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _served(requests: tuple[Request, ...]) -> Facts:
    """Say which Wasm binary the server delivered; a second one would be named too."""
    wasm = [r for r in requests if r.path.endswith(".wasm") and r.status == 200 and r.complete]
    if not wasm:
        return {"wasm_binary": None, "wasm_sha256": None}
    return {
        "wasm_binary": ", ".join(r.path.rpartition("/")[2] for r in wasm),
        "wasm_sha256": ", ".join(r.sha256 for r in wasm),
    }


def _seen(answer: PageAnswer) -> Facts:
    return {
        "backend": answer.facts.backend,
        "threads": answer.facts.threads,
        "cross_origin_isolated": answer.facts.cross_origin_isolated,
    }


def _failure(run: RunRecord, answer: PageAnswer, proof: Proof) -> Failure | None:
    foreign = _foreign(run, answer)
    if foreign:
        return Failure(
            "page-error",
            f"the page asked for something from outside: {foreign[0]}",
            "a run is served from this host alone; remove what asks for it",
        )
    mismatches = proof.mismatches()
    wrong = [fact for fact in mismatches if fact[2] is not None]
    # What a page that failed early could not tell is no mismatch; what it did tell is.
    if wrong or (mismatches and answer.error is None):
        parts = [f"{name} asked {asked!r}, observed {seen!r}" for name, asked, seen in mismatches]
        also = f"; the page said: {answer.error.message}" if answer.error else ""
        return Failure("variant-mismatch", "; ".join(parts) + also, _MISMATCH_HINT)
    if answer.error is not None:
        kind = answer.error.kind
        return Failure(kind, answer.error.message, _HINTS.get(kind, _PAGE_HINT))
    return None


def _foreign(run: RunRecord, answer: PageAnswer) -> tuple[str, ...]:
    return (*run.foreign_requests, *answer.facts.blocked)


def _measurements(run: RunRecord, answer: PageAnswer) -> tuple[Measurement, ...]:
    if run.pass_ == "latency":
        return (*tfjs_page.cold_start(answer), *tfjs_page.latency(answer))
    memory = run.memory or RendererMemory(absent="the process was not looked at")
    return (
        *tfjs_page.heap(answer),
        _growth("renderer_uss", memory.uss_delta_bytes, memory.absent),
        _growth("renderer_pss", memory.pss_delta_bytes, memory.absent),
    )


def _growth(metric: str, delta_bytes: int | None, absent: str) -> Measurement:
    if delta_bytes is None:
        return Measurement(metric, "B", absent=absent or "the process was not looked at")
    if delta_bytes < 0:
        return Measurement(metric, "B", absent="the process shrank below its baseline")
    return Measurement(metric, "B", float(delta_bytes))


def _setting(run: RunRecord, observed: Facts) -> Facts:
    variants = {binary: variant for variant, binary in WASM_BINARIES.items()}
    sampling = run.sampling
    return {
        **run.setting,
        "context": "page",
        "virtual": False,
        "threads": observed.get("threads"),
        "wasm": variants.get(str(observed.get("wasm_binary"))),
        "timed": TIMED,
        "method": LATENCY_METHOD if run.pass_ == "latency" else MEMORY_METHOD,
        "warmup_iterations": sampling.warmup.iterations,
        "warmup_seconds": sampling.warmup.seconds,
        "timed_iterations": sampling.timed.iterations,
        "timed_max_seconds": sampling.timed.max_seconds,
    }


def _conditions(run: RunRecord, answer: PageAnswer) -> Facts:
    facts, timed, warmup = answer.facts, answer.timed, answer.warmup
    conditions: dict[str, Scalar] = {
        "cross_origin_isolated": facts.cross_origin_isolated,
        "timer_resolution_s": None
        if answer.clock_tick_ms is None
        else round(answer.clock_tick_ms / 1000, 9),
        "hardware_concurrency": facts.hardware_concurrency,
        "hardware_concurrency_real": facts.hardware_concurrency_real,
        "wasm_heap_shared": facts.wasm_heap_shared,
        "tf_memory_unreliable": facts.tf_memory_unreliable,
        "user_agent": facts.user_agent,
        "scripts_s": None if answer.scripts_ms is None else answer.scripts_ms / 1000,
        "foreign_requests": len(_foreign(run, answer)),
    }
    if warmup is not None:
        conditions["warmup_iterations_done"] = warmup.iterations
        conditions["warmup_seconds_done"] = warmup.elapsed_ms / 1000
    if timed is not None:
        conditions["batch_size"] = timed.batch_size
        conditions["iterations_done"] = len(timed.samples_ms) * timed.batch_size
    return conditions


def _phases(run: RunRecord, answer: PageAnswer | None) -> dict[str, float]:
    """Split the evaluation by the page's own clock; what it does not name is loading."""
    told = run.phases_s
    warmup = answer.warmup.elapsed_ms / 1000 if answer and answer.warmup else 0.0
    timed = answer.timed.elapsed_ms / 1000 if answer and answer.timed else 0.0
    return {
        "launch": told.get("launch", 0.0),
        "load": max(0.0, told.get("evaluate", 0.0) - warmup - timed),
        "warmup": warmup,
        "timed": timed,
        "collect": told.get("collect", 0.0),
    }
