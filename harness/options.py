"""Typed, strict option values that suites and plug-ins share."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.errors import SuiteError
from harness.model import Pass
from harness.serials import bench_of


class Options(BaseModel):
    """Base of everything that is read from a suite: strict, frozen, no unknown key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoOptions(Options):
    """The options of a network that has none."""


_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


def _fraction(value: Any) -> Any:
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
        return float(percent[1]) / 100
    return _number(value)


def _number(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(s|min|h)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and (duration := _DURATION.fullmatch(value)):
        return float(duration[1]) * _SECONDS[duration[2]]
    return _number(value)


_Percent = Annotated[str, Field(pattern=rf"^{_PERCENT.pattern}$")]
Fraction = Annotated[
    float,
    BeforeValidator(_fraction, json_schema_input_type=_Percent | float),
    Field(gt=0, lt=1, description="a share, such as 2% or 0.02"),
]
Share = Annotated[
    float,
    BeforeValidator(_fraction, json_schema_input_type=_Percent | float),
    Field(gt=0, le=1),
]
Number = Annotated[
    float, BeforeValidator(_number, json_schema_input_type=float), Field(allow_inf_nan=False)
]
Seconds = Annotated[Number, Field(ge=0)]
PositiveSeconds = Annotated[Number, Field(gt=0)]
_DurationText = Annotated[str, Field(pattern=rf"^{_DURATION.pattern}$")]
Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=_DurationText | float),
    Field(gt=0, allow_inf_nan=False),
]


class PhoneReference(Options):
    """Phones of devices.yaml by a tag that they have."""

    tag: Annotated[
        str | None,
        Field(min_length=1, description="every phone of this tag, each with rows of its own"),
    ] = None
    any: Annotated[
        str | None, Field(min_length=1, description="the first phone of this tag that is free")
    ] = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.tag is None) == (self.any is None):
            raise ValueError("write {tag: TAG} or {any: TAG}")
        return self


_DEVICE = (
    "`virtual` (a device on this host), `auto` (the one attached phone), an alias of "
    "devices.yaml, a serial as `adb devices` shows it, `{tag: TAG}` (rows for every phone of that "
    "tag), or `{any: TAG}` (the first of them that is free)"
)
Device = Annotated[str, Field(min_length=1)] | PhoneReference


class Placeable(Options):
    """The key of a target that may stand on a phone; without one it stands on this host."""

    device: Annotated[Device | None, Field(description=_DEVICE)] = None

    @property
    def bench(self) -> str:
        """Return `host` for this host and its virtual devices, else the phone's bench.

        Which phone `auto` is, is told when targets are placed on phones; as long as none is
        attached it is the bench `phone:auto`.

        Raises:
            SuiteError: it is a tag, and the suite was not placed on phones.
        """
        if self.device is None or self.device == "virtual":
            return "host"
        if isinstance(self.device, PhoneReference):
            raise SuiteError(
                "a tag means phones of devices.yaml, and the suite was not placed on them",
                hint="place it: harness.lab.place",
            )
        return "phone:auto" if self.device == "auto" else bench_of(self.device)


class OnADevice(Placeable):
    """The key of a target that stands on a phone; drivers of phones put it among theirs."""

    device: Annotated[Device, Field(description=_DEVICE)] = "auto"


class Warmup(Options):
    """Iterations before the clock starts: at least this many, and at least this long."""

    iterations: Annotated[
        int, Field(ge=0, le=1_000_000, description="at least this many untimed iterations")
    ] = 25
    seconds: Annotated[Seconds, Field(description="and for at least this long, in seconds")] = 1.0


class Timed(Options):
    """Iterations that are timed: this many, cut at `max_seconds`."""

    iterations: Annotated[
        int, Field(ge=1, le=1_000_000, description="how many iterations are timed")
    ] = 50
    max_seconds: Annotated[
        PositiveSeconds, Field(description="stop after this long even with fewer, in seconds")
    ] = 10.0


class Sampling(Options):
    """How much is measured; a target may override every key that does not say otherwise."""

    blocks: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="latency runs of each cell, each in a fresh process or browser; a ratio "
            "has an interval from 6 on; not per target",
        ),
    ] = 10
    precision: Annotated[
        Fraction | None,
        Field(
            description="in place of `blocks`: each model gets 6, 9, 14, 20 or 30 of them, until "
            "the 95 % intervals of its ratios (of its times, where it has none) reach at most "
            "this share to either side, such as 2%; not per target"
        ),
    ] = None
    budget: Annotated[
        Duration | None,
        Field(
            description="with `precision`: once the blocks of a bench have taken this long, such "
            "as 30min, it begins no further ones; not per target"
        ),
    ] = None
    memory_runs: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="memory runs of each cell, apart from latency runs; the table shows "
            "their median",
        ),
    ] = 3
    seed: Annotated[
        int,
        Field(
            ge=0,
            lt=2**63,
            description="draws the order of runs within a block; not per target",
        ),
    ] = 1
    warmup: Annotated[
        Warmup, Field(description="what runs before the clock starts: both limits must be reached")
    ] = Warmup()
    timed: Annotated[Timed, Field(description="what is timed: the first limit reached ends it")] = (
        Timed()
    )
    timeout_s: Annotated[
        PositiveSeconds, Field(description="a run that takes longer is ended and has failed")
    ] = 120.0
    cooldown_s: Annotated[Seconds, Field(description="pause before each run, in seconds")] = 0.0
    min_effect: Annotated[
        Fraction,
        Field(
            description="the smallest difference that is called faster or slower, a share such "
            "as 2% or 0.02"
        ),
    ] = 0.02
    disturbed_above: Annotated[
        Fraction,
        Field(
            description="a block is disturbed if others used more of the CPU than this during one "
            "of its runs, on this host or on the phone, with what the hypervisor took (steal); "
            "not per target"
        ),
    ] = 0.15
    replace_disturbed: Annotated[
        int | None,
        Field(
            ge=0,
            le=1000,
            description="at most this many disturbed blocks of each model are replaced by new "
            "ones and left out of times and ratios; left out: a third of `blocks`; not per target",
        ),
    ] = None
    profile: Annotated[
        Literal["ops"] | None,
        Field(description="`ops` adds a pass of one run per cell that times every operator"),
    ] = None
    sustained: Annotated[
        Duration | None,
        Field(
            description="adds a pass of one run per cell that goes on for this long, such as "
            "10min, to see what heat does"
        ),
    ] = None

    def replaced_at_most(self, blocks: int) -> int:
        """Return how many disturbed blocks of each model a session of so many may replace."""
        return blocks // 3 if self.replace_disturbed is None else self.replace_disturbed

    @property
    def extra_passes(self) -> tuple[Pass, ...]:
        """Return the passes that are asked for beside latency and memory."""
        ops: tuple[Pass, ...] = ("ops",) if self.profile == "ops" else ()
        return (*ops, "sustained") if self.sustained is not None else ops
