"""The frozen values that flow through the harness, from a run to a table's row.

Nothing here reads, writes or computes; units are SI (seconds, bytes).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Facts: TypeAlias = Mapping[str, Scalar]
"""Flat named facts: what is not known is None, never a guess."""

Pass: TypeAlias = Literal["latency", "memory", "quality", "ops", "sustained"]
"""What a run is for: passes never share a run, and each has measurements of its own."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One table row: model × file × target × variant."""

    model: str
    file: str
    target: str
    variant: str

    @property
    def label(self) -> str:
        return f"{self.model}/{self.file} on {self.target}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric of one run: a value or samples, or the reason why there is none.

    `metric` and `unit` follow `harness.metrics`; `value` is in SI units.
    """

    metric: str
    unit: str
    value: float | None = None
    samples: tuple[float, ...] = ()
    per: Literal["run", "iteration"] = "run"
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has no numbers: its class, what happened, and what to do next."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One operator of a profiled run: its time per inference, in seconds, over all its calls.

    `graph` is '' for the main graph; the operators of the graph `delegate` are contained in
    the time of a node of the main one.
    """

    type: str
    name: str
    mean_s: float
    calls: int = 1
    graph: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The run ended well and what ran is proved; `operators` are those of a profiled run."""

    measurements: tuple[Measurement, ...]
    operators: tuple[OperatorTime, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The run was tried and gave no numbers."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Skipped:
    """The run was not tried; `expected` if the suite or the driver declared so."""

    failure: Failure
    expected: bool = False


Outcome: TypeAlias = Measured | Failed | Skipped


@dataclass(frozen=True, slots=True)
class Proof:
    """What was asked for and what was seen to run; equal on every asked key, or no number."""

    asked: Facts = field(default_factory=dict)
    observed: Facts = field(default_factory=dict)

    def mismatches(self) -> tuple[tuple[str, Scalar, Scalar], ...]:
        """Return (fact, asked, observed) wherever the two differ."""
        return tuple(
            (key, asked, self.observed.get(key))
            for key, asked in self.asked.items()
            if self.observed.get(key) != asked
        )


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named block of little-endian numbers, row-major."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Capture:
    """Exactly what one run left behind: file name → bytes, kept under `raw/<run-id>/`."""

    files: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """Return a file as text ('' when absent); undecodable bytes are replaced."""
        return self.files.get(name, b"").decode("utf-8", errors="replace")

    def json(self, name: str) -> Any:
        """Return a file parsed as JSON.

        Raises:
            KeyError: the capture has no such file.
            ValueError: the file is not JSON.
        """
        return json.loads(self.files[name])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a driver read out of a capture: the outcome, and the facts that go with it.

    `phases_s` names where the run's time went, in seconds; `outputs` are the model's
    outputs for the first input set, for the output check; `answers` are those to each example
    of a quality pass.
    """

    outcome: Measured | Failed
    setting: Facts = field(default_factory=dict)
    subject: Facts = field(default_factory=dict)
    conditions: Facts = field(default_factory=dict)
    proof: Proof = Proof()
    phases_s: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[Tensor, ...] | None = None
    outputs_absent: str = ""
    answers: tuple[tuple[Tensor, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """One attempt at one run, as one line of `runs.jsonl` holds it.

    `reader_sha256` is of the code of edgebench that read its capture, '' in older folders.
    """

    run_id: str
    cell: Cell
    bench: str
    pass_: Pass
    block: int
    order: int
    attempt: int
    outcome: Outcome
    started_utc: str
    duration_s: float
    setting: Facts = field(default_factory=dict)
    subject: Facts = field(default_factory=dict)
    conditions: Facts = field(default_factory=dict)
    proof: Proof = Proof()
    phases_s: Mapping[str, float] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    raw: str = ""
    raw_sha256: str = ""
    reader_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `key` is stable for machines, `header` is for people."""

    key: str
    header: str
    unit: str = ""
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in its column's unit, with the text that a person is shown.

    `low` and `high` are the ends of the interval or spread that belongs to it, if it has one;
    `exact_bytes` is the same amount of memory in whole bytes, where it is known to the byte.
    """

    value: float
    text: str
    low: float | None = None
    high: float | None = None
    exact_bytes: int | None = None


TableValue: TypeAlias = str | Figure | None
"""A cell of a table; None shows as a dash and means: no value, see the reason in the row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A finished table: every format renders this and computes nothing."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[TableValue, ...], ...]
    notes: tuple[str, ...] = ()
    section: str = ""


@dataclass(frozen=True, slots=True)
class VirtualPhone:
    """A virtual device of the lab, with the properties that it shall answer `getprop` with.

    `cpu_free` is its owner's word that what runs on it leaves this host's CPU alone; only then
    is it a bench of its own.
    """

    cpu_free: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phone:
    """A device that a target stands on, and the bench that it is.

    `alias` is '' where `devices.yaml` does not have it, `serial` is '' for a virtual device that
    is started when it is used. `host` and `port` are of its adb server, None is the user's own;
    `cores` are named sets, such as `big` → `4-7`.
    """

    alias: str
    serial: str = field(repr=False)
    bench: str
    host: str | None = None
    port: int | None = None
    tags: tuple[str, ...] = ()
    cores: Mapping[str, str] = field(default_factory=dict)
    virtual: VirtualPhone | None = None

    @property
    def label(self) -> str:
        """Return what a person is shown."""
        return self.alias or self.bench


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """What a session planned for one target; `ratios` are (numerator, denominator) variants.

    `memory_runs` is None in older folders: the session's number then holds. `extra_passes` are
    those beside latency and memory; each has one run per cell. `cooldown_s` is the pause before
    each run.
    """

    name: str
    driver: str
    bench: str
    virtual: bool
    variants: tuple[str, ...]
    baseline: str | None
    ratios: tuple[tuple[str, str], ...]
    min_effect: float
    memory_runs: int | None = None
    extra_passes: tuple[Pass, ...] = ()
    cooldown_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """What others published of one device: model → variant → seconds per inference."""

    name: str
    source: str
    latency_s: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """Which part of a plan a session was: `index` of `count`, both from 1 on.

    `benches` are all of the plan's with the part that each went to, `targets` all targets of the
    suite, in its order.
    """

    index: int
    count: int
    benches: Mapping[str, int]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedSession:
    """A session of a merged folder, and the benches whose runs there are its own."""

    session: SessionRecord
    benches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The folder that a result folder was made from, and how.

    `backfilled`: its suite was measured again with other tools; `re-read`: its captures were read
    again by another reader. `of` names the folder, `runs_sha256` is of its `runs.jsonl` as it was.
    `before` and `after` are what changed: tools by name and ABI, or facts of the harness.
    """

    how: Literal["backfilled", "re-read"]
    of: str
    runs_sha256: str
    why: str
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What `session.json` holds: the plan of a result folder and where it was measured.

    `harness` has version, commit, dirty and sha256; `host` has os, os_major, cpu_model, cores and
    python; `models` has the facts of each file, `model/file` → `tflite_sha256`, `tfjs_bytes`, ….
    At most `added_blocks` are added for each model, target and pass after failures of the
    infrastructure (none in older folders), see `harness.retries`. `axes` are the values that a
    matrix gave to what it made, by model and by `target/variant`, `origins` the entry of the
    suite that it was made from; older folders have none. At most `replace_disturbed`
    blocks of each model were replaced because others used more than the share `disturbed_above`
    of the CPU (None in older folders, which mark nothing), see `harness.disturbances`. With a
    `precision`, `blocks` is the most that a model could get, `looks` are the numbers at which its
    intervals were looked at, and `budget_s` is the time of a bench after which none were added,
    see `harness.looks`; without one the number was fixed.
    `shard` is None where the whole plan was made by one session. `merged` are the sessions that a
    merged folder is made of, see `harness.store.merging`; facts in which they differ are None.
    `lineage` is set where the folder was made from another one.
    """

    schema: int
    suite: str
    suite_sha256: str
    label: str
    started_utc: str
    command: tuple[str, ...]
    seed: int
    blocks: int
    memory_runs: int
    cells: tuple[Cell, ...]
    targets: tuple[TargetRecord, ...]
    harness: Facts
    host: Facts
    models: Mapping[str, Facts]
    added_blocks: int = 0
    axes: Mapping[str, Facts] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    published: tuple[PublishedFigures, ...] = ()
    base_model: str | None = None
    disturbed_above: float | None = None
    replace_disturbed: int = 0
    precision: float | None = None
    budget_s: float | None = None
    looks: tuple[int, ...] = ()
    shard: ShardRecord | None = None
    merged: tuple[MergedSession, ...] = ()
    lineage: Lineage | None = None

    def of_bench(self, bench: str) -> SessionRecord:
        """Return the session that measured on a bench: one of those merged here, or this one."""
        return next((each.session for each in self.merged if bench in each.benches), self)


@dataclass(frozen=True, slots=True)
class ResultFolder:
    """A result folder as it was read: its session and every run, in the order of the file."""

    path: str
    session: SessionRecord
    runs: tuple[RunResult, ...]
