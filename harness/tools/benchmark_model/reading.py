"""The values that one output is read into; seconds and bytes, None where the tool says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.model import Failure

ToolName: TypeAlias = Literal[
    "", "benchmark_model", "benchmark_litert_model", "litert-benchmark", "litert-host"
]
Delegation: TypeAlias = Literal["", "completely", "partially", "not"]


@dataclass(frozen=True, slots=True)
class Stats:
    """A `count=` line: how many iterations, and their statistics in seconds."""

    count: int
    first_s: float | None = None
    min_s: float | None = None
    max_s: float | None = None
    mean_s: float | None = None
    std_s: float | None = None
    p5_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a proper run measured.

    `timed.mean_s` is always there; `warmup` is None without a warm-up. The footprints are
    growth of the resident high-water mark since the tool's start. `tick_s` is the resolution
    that the times were printed with.
    """

    init_s: float
    first_inference_s: float | None
    warmup: Stats | None
    timed: Stats
    tick_s: float
    footprint_init_bytes: float | None = None
    footprint_bytes: float | None = None
    peak_rss_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the tool says about itself and about what ran.

    `threads` is what it says it was set to, `threads_observed` what it counted (only
    litert-host counts). `xnnpack` is None where the output does not tell. `delegate` is the
    first delegate that was asked for explicitly, `delegation` how much of the graph it took:
    `delegated_nodes` of `total_nodes`, in `delegate_kernels` kernels, which cuts the graph into
    `partitions`; None where the build does not print them (release builds print no nodes off
    Android). `asked`, `applied` and `not_applied` are all delegates by name, `unsupported_ops`
    the operators that the GPU does not take, each with its reason.
    """

    tool: ToolName = ""
    version: str = ""
    threads: int | None = None
    threads_observed: int | None = None
    xnnpack: bool | None = None
    delegate: str = ""
    delegation: Delegation = ""
    asked: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    not_applied: tuple[str, ...] = ()
    delegated_nodes: int | None = None
    total_nodes: int | None = None
    partitions: int | None = None
    delegate_kernels: int | None = None
    unsupported_ops: tuple[str, ...] = ()
    unconsumed_flags: tuple[str, ...] = ()
    duplicate_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolReading:
    """Numbers, or the failure that explains why there are none; and the facts."""

    numbers: Numbers | None
    failure: Failure | None
    facts: ToolFacts


@dataclass(frozen=True, slots=True)
class OptionReading:
    """One benchmarked option of an output: what ran, and one of three things.

    `numbers`: measured, and the output proves what ran and that it ended well. `unproved`: the
    figures stand there, and `failure` says what is missing to prove them. Neither of them:
    `failure` says why there are none. `label` is the multi-option tool's own name of the option,
    and for other outputs what that tool would call it. `one_of_several` options ran in one process,
    whose memory belongs to none of them.
    """

    label: str
    facts: ToolFacts
    numbers: Numbers | None = None
    unproved: Numbers | None = None
    failure: Failure | None = None
    one_of_several: bool = False

    @property
    def outcome(self) -> Literal["measured", "unproved", "failed"]:
        if self.numbers is not None:
            return "measured"
        return "failed" if self.unproved is None else "unproved"
