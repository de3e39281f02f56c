"""What a suite says, as frozen values; every name in them has been checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.model import Facts, Phone, PublishedFigures
from harness.options import NoOptions, Options, Sampling
from harness.outputs import Precision
from harness.plugins import KeptBuild, ModelFormat, ToolKind
from harness.suite.gate_keys import GateKeys


@dataclass(frozen=True, slots=True)
class Source:
    """A file by path (absolute; relative ones are resolved against the suite) or by URL.

    A URL always has a `sha256`; a path may have one, and is then checked.
    """

    path: Path | None = None
    url: str | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        return str(self.path) if self.path else (self.url or "")


@dataclass(frozen=True, slots=True)
class Point:
    """What a model or variant was expanded from: an entry of the file, and a value on each axis.

    `added` tells that the file does not list it: the point of one thread of a threads axis.
    """

    origin: str
    axes: Facts
    added: bool = False


@dataclass(frozen=True, slots=True)
class Generated:
    """A model that is built here: an architecture's name, the seed of its weights, their kind.

    `options` is an instance of what `network_options` says of the architecture.
    """

    network: str
    seed: int
    precision: Precision = "fp32"
    options: Options = field(default_factory=NoOptions)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What one input is fed: seeded numbers within `low`..`high`, or the bytes of a file.

    None in `shape` or `dtype` means: as the model's own signature says.
    """

    name: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class DeclaredQuality:
    """What somebody says of a file's quality; it holds for files of these hashes alone."""

    metric: str
    value: float
    source: str
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A quality pass: the metric over a labelled set, an `.npz` file or the network's own."""

    metric: str
    labelled: Path | None
    examples: int


@dataclass(frozen=True, slots=True)
class WorkloadSource:
    """A module that runs in the page in place of the model alone, as the suite names it.

    `assets` are paths from the module's folder; `frames_per_second` is None without a schedule.
    """

    module: Path
    assets: tuple[str, ...] = ()
    options: Facts = field(default_factory=dict)
    frames_per_second: float | None = None
    schedule_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelSource:
    """One file of a named model: generated, or a file per format (`tflite`, `tfjs`, `onnx`).

    `reference` is 'cpu' (the runtime's own reference kernels) or the path of an `.npz` file
    with the outputs in order; `tolerance` bounds max |a−b| / max |ref|. `has_original` tells
    that the model also has a file named `ORIGINAL`, which this is not; `point` what it was
    expanded from, None where it is written out. `licence` and `origin` are what the suite says
    of the files, '' where it says nothing.
    """

    name: str
    file: str
    generated: Generated | None
    files: dict[ModelFormat, Source]
    inputs: tuple[InputSpec, ...]
    reference: Literal["cpu"] | Path
    tolerance: float
    has_original: bool = False
    quality: DeclaredQuality | None = None
    evaluate: Evaluation | None = None
    point: Point | None = None
    workload: WorkloadSource | None = None
    licence: str = ""
    origin: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells this file from all others of the suite: (model, file)."""
        return (self.name, self.file)


@dataclass(frozen=True, slots=True)
class ToolSource:
    """A build of a program for one ABI."""

    name: str
    abi: str
    source: Source
    kind: ToolKind = "benchmark_model"


@dataclass(frozen=True, slots=True)
class Variant:
    """A named set of the driver's own options (`options` is its `variant_options`).

    `point` is what it was expanded from, None where it is written out.
    """

    name: str
    options: Any
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A named place to run (`options` is an instance of the driver's `target_options`).

    `ratios` are (numerator, denominator) names of variants: those against the baseline
    first, then those that the suite declares, without repeats. `phone` is set when the target
    has been placed on a device (`harness.lab.placing`), `kept` where a gate runs another build on
    it than the suite's tools and the runtime of this host.
    """

    name: str
    driver: str
    options: Any
    variants: tuple[Variant, ...]
    baseline: str | None
    ratios: tuple[tuple[str, str], ...]
    sampling: Sampling
    phone: Phone | None = None
    kept: KeptBuild | None = None


@dataclass(frozen=True, slots=True)
class OnFinish:
    """A command that is told of every session when it has ended, and how long it may take."""

    command: tuple[str, ...]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Suite:
    """A whole suite; `text` is the file as it was read; `models` has an entry per file.

    `until` is the local time of day, `HH:MM`, at which a session ends; with a `base_model` all
    models share blocks.
    """

    name: str
    path: Path
    text: str
    models: tuple[ModelSource, ...]
    targets: tuple[Target, ...]
    tools: tuple[ToolSource, ...]
    sampling: Sampling
    plan_memory: bool = False
    published: tuple[PublishedFigures, ...] = ()
    base_model: str | None = None
    until: str | None = None
    on_finish: OnFinish | None = None
    gate: GateKeys = field(default_factory=GateKeys)
