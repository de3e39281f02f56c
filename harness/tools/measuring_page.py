"""What the measuring page (`device_scripts/web/bench.js`) is told, and what its answer says.

The page's loop knows no runtime; the facts that only the runtime's adapter can tell
(`device_scripts/web/runtimes/`) stand in the answer beside the page's own.

Pure: bytes in, values out. The page answers in milliseconds of `performance.now()`; everything
that leaves this module is in seconds and bytes.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field

from harness.errors import OutputUnreadable, RunFailed
from harness.model import Measurement, Tensor
from harness.options import Options, Sampling

PagePass: TypeAlias = Literal["latency", "memory", "quality", "reference"]

TIMED = "predict+readback"
_ITEM_BYTES = {"float32": 4, "int32": 4, "bool": 1}
_PERCENTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95}
_NO_START = "this runtime has no start of its own: it starts while the model is loaded"
_REREAD_HINT = "look at page.json of this run; if the page wrote it so, report it"

# Generous, and small enough that sums of them stay finite: 31 years, and what JavaScript counts.
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class _Said(Options):
    # A later page may say more; what this reader knows must still be as it was.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class PageError(_Said):
    """Why the page did not get to the end."""

    kind: Literal["page-error", "unsupported", "below-timer-resolution", "workload-error"]
    message: str
    stack: str = ""


class WarmedUp(_Said):
    """What the warm-up came to; `shortest_ms` is the shortest of its last ten iterations."""

    iterations: Count
    elapsed_ms: Milliseconds
    shortest_ms: Milliseconds | None = None


class TimedLoop(_Said):
    """The timed loop: a sample is an iteration, or the mean of a batch of `batch_size`."""

    samples_ms: Annotated[tuple[Milliseconds, ...], Field(min_length=1)]
    batch_size: Annotated[int, Field(ge=1)]
    elapsed_ms: Milliseconds


class SaidTensor(_Said):
    """An output as the page encoded it."""

    name: str
    shape: tuple[Count, ...]
    dtype: Literal["float32", "int32", "bool"]
    base64: str = Field(repr=False)


class PageFacts(_Said):
    """What the page and its runtime saw; None is not known.

    `starts_with_load` says that the runtime has no start of its own to time; `blocked` was
    asked for from another origin; `versions` are those that the loaded parts of the runtime
    tell of themselves.
    """

    backend: str | None = None
    threads: int | None = None
    execution: str | None = None
    as_shipped: bool | None = None
    cross_origin_isolated: bool
    shared_array_buffer: bool
    hardware_concurrency: int | None = None
    hardware_concurrency_real: int | None = None
    user_agent: str
    wasm_heap_bytes: Count | None = None
    wasm_heap_shared: bool | None = None
    tf_num_bytes: Count | None = None
    tf_memory_unreliable: bool | None = None
    tf_gpu_bytes: Count | None = None
    wasm_binary: str | None = None
    wasm_instantiated: tuple[str, ...] | None = None
    gpu_renderer: str | None = None
    gpu_fallback: bool | None = None
    starts_with_load: bool = False
    blocked: tuple[str, ...] = ()
    versions: Mapping[str, str | None] = {}


class SaidSchedule(_Said):
    """Frames that came at a steady rate while the workload ran, and those that it took."""

    frames_due: Annotated[int, Field(ge=1, le=2**53)]
    frames_done: Count
    elapsed_ms: Milliseconds


class SaidWorkload(_Said):
    """What a workload says beside its iterations.

    `stages_ms` is stage → a time per timed iteration, 0 where it did not enter that stage; it
    is empty where iterations were timed in batches.
    """

    stages_ms: Mapping[str, tuple[Milliseconds, ...]]
    schedule: SaidSchedule | None = None


class PageAnswer(_Said):
    """The whole answer of `edgebench.run`; what was not reached is None."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    pass_: Annotated[PagePass, Field(alias="pass")]
    clock_tick_ms: Annotated[float, Field(gt=0)] | None = None
    scripts_ms: Milliseconds | None = None
    init_ms: Milliseconds | None = None
    load_ms: Milliseconds | None = None
    first_inference_ms: Milliseconds | None = None
    warmup: WarmedUp | None = None
    timed: TimedLoop | None = None
    output_sets: tuple[tuple[SaidTensor, ...], ...] = ()
    workload: SaidWorkload | None = None
    error: PageError | None = None
    facts: PageFacts

    @property
    def gave_nothing_to_check(self) -> bool:
        """Tell that it got to the end with no output: a workload need not return any."""
        return self.error is None and self.output_sets[:1] == ((),)


def read_answer(data: bytes) -> PageAnswer:
    """Read the page's answer.

    Raises:
        OutputUnreadable: it is not what `bench.js` writes.
    """
    try:
        return PageAnswer.model_validate_json(data)
    except ValueError as error:
        raise OutputUnreadable(
            f"the page's answer is not understood: {_first_problem(error)}", hint=_REREAD_HINT
        ) from error


@dataclass(frozen=True, slots=True)
class RuntimeCall:
    """What the page needs of a runtime: the scripts it loads, in order, and the adapter's argument.

    `scripts` are names below the run's URL, the adapter among them; `argument` is JSON, what
    `start` and `load` of the adapter are given.
    """

    scripts: tuple[str, ...]
    argument: Mapping[str, Any]


def page_config(
    *,
    url: str,
    pass_: PagePass,
    call: RuntimeCall,
    input_sets: Sequence[Sequence[Tensor]],
    sampling: Sampling,
) -> dict[str, Any]:
    """Return what `edgebench.run` is called with; `url` is the run's own."""
    return {
        "pass": pass_,
        "scripts": [f"{url}{script}" for script in call.scripts],
        "runtime": dict(call.argument),
        "input_sets": [
            [_said_input(tensor, f"{url}{input_name(number, i)}") for i, tensor in enumerate(set_)]
            for number, set_ in enumerate(input_sets)
        ],
        "warmup": {
            "iterations": sampling.warmup.iterations,
            "seconds": sampling.warmup.seconds,
        },
        "timed": {
            "iterations": sampling.timed.iterations,
            "max_seconds": sampling.timed.max_seconds,
        },
    }


def input_name(number: int, position: int) -> str:
    """Return the name under which an input of a set is served."""
    return f"input/{number}/{position}.bin"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share lies, interpolating linearly between neighbours.

    Hyndman and Fan (1996), definition 7: position (n − 1) · share among the sorted values.
    """
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def cold_start(answer: PageAnswer) -> tuple[Measurement, ...]:
    """Return init, load, first inference, their sum, and the mean of the warm-up.

    Raises:
        OutputUnreadable: the page got to the end without having measured one of them.
    """
    parts = {
        "init": answer.init_ms,
        "load": answer.load_ms,
        "first_inference": answer.first_inference_ms,
    }
    warmup = answer.warmup
    if answer.facts.starts_with_load:
        parts.pop("init")
    if any(value is None for value in parts.values()) or warmup is None:
        raise OutputUnreadable("the page measured no cold start", hint=_REREAD_HINT)
    seconds = {name: (value or 0.0) / 1000 for name, value in parts.items()}
    seconds["time_to_first_result"] = math.fsum(seconds.values())
    mean = (
        Measurement("warmup_mean", "s", warmup.elapsed_ms / 1000 / warmup.iterations)
        if warmup.iterations
        else Measurement("warmup_mean", "s", absent="no warm-up was asked for")
    )
    init = () if "init" in seconds else (Measurement("init", "s", absent=_NO_START),)
    return (*init, *(Measurement(name, "s", value) for name, value in seconds.items()), mean)


def latency(answer: PageAnswer) -> tuple[Measurement, ...]:
    """Return the samples of the timed loop and their statistics, all computed from the samples.

    A batch gives only its mean, so order statistics over iterations are then absent.

    Raises:
        OutputUnreadable: the page got to the end without a timed loop.
        RunFailed: below-timer-resolution: the clock did not move during any of it.
    """
    timed = answer.timed
    if timed is None:
        raise OutputUnreadable("the page has no timed iterations", hint=_REREAD_HINT)
    samples = tuple(value / 1000 for value in timed.samples_ms)
    mean = math.fsum(samples) / len(samples)
    if mean == 0:
        raise RunFailed(
            "the timed iterations took no time on the page's clock",
            hint="the model is too small for this clock; measure a larger one",
            kind="below-timer-resolution",
        )
    per_iteration = {name: percentile(samples, share) for name, share in _PERCENTILES.items()}
    per_iteration |= {"latency_min": min(samples), "latency_max": max(samples)}
    why_not = (
        f"below timer resolution: iterations were timed in batches of {timed.batch_size}"
        if timed.batch_size > 1
        else ""
    )
    return (
        Measurement("latency_mean", "s", mean),
        *(
            Measurement(name, "s", None if why_not else value, absent=why_not)
            for name, value in per_iteration.items()
        ),
        Measurement("samples", "s", samples=samples, per="iteration"),
    )


def told_bytes(told: Mapping[str, int | None]) -> tuple[Measurement, ...]:
    """Return memory metrics of what the page itself tells: metric → bytes, or None."""
    return tuple(
        Measurement(name, "B", absent="the page does not tell")
        if value is None
        else Measurement(name, "B", float(value))
        for name, value in told.items()
    )


def outputs(answer: PageAnswer, number: int = 0) -> tuple[Tensor, ...]:
    """Return the model's outputs for one of the input sets.

    Raises:
        OutputUnreadable: there are none, or their bytes do not fit their shape.
    """
    if number >= len(answer.output_sets) or not answer.output_sets[number]:
        raise OutputUnreadable("the page has no outputs", hint=_REREAD_HINT)
    return tuple(_decoded(said) for said in answer.output_sets[number])


def _said_input(tensor: Tensor, url: str) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "url": url,
    }


def _decoded(said: SaidTensor) -> Tensor:
    try:
        data = base64.b64decode(said.base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OutputUnreadable(
            f"the output {said.name!r} is not base64", hint=_REREAD_HINT
        ) from error
    if len(data) != math.prod(said.shape) * _ITEM_BYTES[said.dtype]:
        raise OutputUnreadable(
            f"the output {said.name!r} has {len(data)} bytes, which is not its shape "
            f"{said.shape} of {said.dtype}",
            hint=_REREAD_HINT,
        )
    return Tensor(said.name, said.shape, said.dtype, data)


def _first_problem(error: ValueError) -> str:
    """Say in one line what pydantic says in many."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(lines[1:3])[:200] if len(lines) > 1 else str(error)[:200]
