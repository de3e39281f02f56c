"""The plug-in contracts and the registry: all that a third party must read.

A plug-in is a module with one value named `PLUGIN`. Built-in ones are found by file name in
the folder of the same word (`harness/drivers/web_tfjs.py` is the driver `web-tfjs`);
strangers' are found through entry points of the groups `edgebench.drivers`,
`edgebench.probes`, `edgebench.formats` and `edgebench.models`, which name the same value.
A name that is claimed twice is an error.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

from harness.errors import PluginError
from harness.model import Capture, Cell, Facts, Pass, Phone, Reading, Table, Tensor

if TYPE_CHECKING:
    # Whoever prints a table needs a format, and none of what pydantic takes to be imported.
    from harness.options import Options, Sampling

API_VERSION = 1

Kind: TypeAlias = Literal["drivers", "probes", "formats", "models"]
ModelFormat: TypeAlias = Literal["tflite", "tfjs", "onnx"]
MODEL_FORMATS: tuple[ModelFormat, ...] = ("tflite", "tfjs", "onnx")
ToolKind: TypeAlias = Literal["benchmark_model", "litert"]
"""TFLite's `benchmark_model`, or LiteRT's `benchmark_litert_model`, which often has its name."""
KINDS: tuple[Kind, ...] = ("drivers", "probes", "formats", "models")


@dataclass(frozen=True, slots=True)
class Workload:
    """A module that a page runs in place of the model alone, with the files beside it.

    `files` is served name → file, the module's own first; `sha256` is over the digests of all
    of them, in that order. `frames_per_second` is None without a schedule of frames.
    """

    files: Mapping[str, Path]
    sha256: str
    options: Facts
    frames_per_second: float | None = None
    schedule_s: float = 0.0

    @property
    def module(self) -> str:
        """Return the served name of the module."""
        return next(iter(self.files))


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model in one format, on this host's disk.

    `path` is the `.tflite` or `.onnx`, for `tfjs` the `model.json` with its weight shards beside.
    `sha256` is over the file, for `tfjs` over the digests of all its files in name order.
    With a `workload`, that is what is measured; the model is its to load.
    """

    format: ModelFormat
    path: Path
    sha256: str
    size_bytes: int
    workload: Workload | None = None


@dataclass(frozen=True, slots=True)
class ToolFile:
    """A build of the program that runs, on this host's disk.

    `kind` is what the suite says it is, and what its output must show; '' is not said.
    """

    name: str
    abi: str
    path: Path
    sha256: str
    kind: ToolKind | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as a driver opens it: its typed options, and the tools that its suite names.

    `options` is an instance of the driver's `target_options`; `tools` is tool name → ABI →
    file; `scratch` is a folder of this session for whatever the driver must keep meanwhile;
    `phone` is the device that the target was placed on, None where its own options say it all;
    `runtime` the folder of another build of the runtime, None is the one that is installed.
    """

    name: str
    options: Any
    tools: Mapping[str, Mapping[str, ToolFile]]
    scratch: Path
    phone: Phone | None = None
    runtime: Path | None = None


@dataclass(frozen=True, slots=True)
class KeptBuild:
    """What a target runs in place of the tools of its suite and of the runtime of this host.

    `runtime` is a folder with the files that a `KeepsRuntime` named; None is the installed one.
    """

    tools: Mapping[str, Mapping[str, ToolFile]]
    runtime: Path | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run as a session executes it.

    `variant` is an instance of the driver's `variant_options`; `inputs` are what the model is
    fed (the same bytes in every lane), `examples` what it is fed one by one in a quality pass;
    `window` must be entered just before the measured part
    and left before anything that took part in it is torn down. Whoever must wait before that
    says why through `waiting`.
    """

    run_id: str
    cell: Cell
    pass_: Pass
    block: int
    variant: Any
    model: ModelFile
    inputs: tuple[Tensor, ...]
    sampling: Sampling
    window: Callable[[], AbstractContextManager[None]]
    examples: tuple[tuple[Tensor, ...], ...] = ()
    waiting: Callable[[str], None] = lambda _: None


@runtime_checkable
class Session(Protocol):
    """An opened target. One thread calls it, but for `interrupt`, which any thread may call."""

    @property
    def device(self) -> str:
        """What the rows are about, for people: `Chromium 156 (this host)`."""

    def execute(self, request: RunRequest) -> Capture:
        """Run once in a fresh process or browser and return what it left.

        Raises:
            RunError: nothing was captured that could be read.
            TargetLost: the target went away; see `Recoverable`.
        """

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs of this runtime's own reference kernels, a set per input set.

        Raises:
            TargetUnfit: this target has no reference; the message says why.
        """

    def reference_runtime(self) -> str:
        """Name the runtime and version that `reference` computes with."""

    def interrupt(self) -> None:
        """End the run that is under way, at once, from any thread."""

    def close(self) -> None:
        """Give back everything: processes, forwards, folders on the device."""


@runtime_checkable
class Recoverable(Protocol):
    """A session that can reach its target again after it was lost; others are given up."""

    def recover(self) -> str:
        """Try once to reach the target; end what still runs there and remove what it left.

        Returns the class of what happened meanwhile (`rebooted`), '' where nothing is known.
        Called again after a pause, and never while `execute` runs.

        Raises:
            TargetError: it is not back yet; its class says what is in the way, and is
                `target-gone` if it never will be.
        """


@runtime_checkable
class Driver(Protocol):
    """A kind of target: what its suite keys are, how it is opened, how its captures are read.

    A driver that can do more than latency and memory says so with `passes`, a frozen set of
    `Pass`, see `passes_of`; one that runs workloads with `workloads = True`, see `runs_workloads`.
    """

    name: str
    api_version: int
    model_format: ModelFormat
    target_options: type[Options]
    variant_options: type[Options]

    def bench(self, options: Any) -> str:
        """Name the bench that a target with these options stands on (`host`, `phone:…`)."""

    def is_virtual(self, options: Any) -> bool:
        """Tell whether rows of such a target are of a virtual device."""

    def unsupported(self, options: Any, variant: Any) -> str:
        """Say why this variant can never run on such a target, or ''."""

    def open(self, target: TargetSpec) -> Session:
        """Make the target ready.

        Raises:
            TargetError: it cannot be used; its cells are skipped with the reason.
        """

    def read(self, capture: Capture) -> Reading:
        """Turn a capture into an outcome with facts; pure, and safe on any bytes.

        Raises:
            OutputUnreadable: the capture is not understood.
        """


@runtime_checkable
class KeepsRuntime(Protocol):
    """A driver whose runtime is files of this host, so that a build of it can be kept."""

    def runtime_files(self) -> Mapping[str, Path]:
        """Return the files of the runtime by their path in a folder; {} where none can be kept.

        Raises:
            TargetNotFound: it is not installed.
        """


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe saw during one run."""

    conditions: Facts


@runtime_checkable
class Probe(Protocol):
    """Watches the host while a run is measured."""

    name: str
    api_version: int

    def start(self) -> Callable[[], Probed]:
        """Begin to watch; the returned call ends it and gives what was seen."""


@runtime_checkable
class Format(Protocol):
    """A way to write tables."""

    name: str
    api_version: int
    media_type: str

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables as text that ends with a newline; names in it are escaped."""


@runtime_checkable
class Network(Protocol):
    """An architecture that `generate:` builds with seeded weights.

    One with options of its own says so with `options`, a type of `Options` in which every key
    has a default; see `network_options`. One without that attribute has none, and its `build`
    takes the seed alone. One with a labelled set of its own has
    `examples(seed, options, count) -> tuple[Tensor, ...]`: an array per input whose first axis
    counts the examples, in the order of the inputs, and one named `labels`.
    """

    name: str
    api_version: int

    def build(self, seed: int, options: Any) -> Any:
        """Return the `harness.graphs.description.Graph` of this network with these options."""


_PROTOCOLS: Mapping[Kind, Any] = {
    "drivers": Driver,
    "probes": Probe,
    "formats": Format,
    "models": Network,
}


@dataclass(frozen=True, slots=True)
class Registry:
    """The plug-ins of one kind by name, each loaded when it is asked for."""

    kind: Kind
    sources: Mapping[str, Callable[[], Any]] = field(repr=False)
    origins: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.sources))

    def get(self, name: str) -> Any:
        """Return the plug-in of that name.

        Raises:
            PluginError: there is none, it cannot be imported, or it breaks its contract.
        """
        if name not in self.sources:
            raise PluginError(
                f"there is no {self.kind[:-1]} named {name!r}",
                hint=f"known {self.kind}: {', '.join(self.names)}",
            )
        try:
            plugin = self.sources[name]()
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"the {self.kind[:-1]} {name!r} cannot be loaded: {error}",
                where=self.origins[name],
                hint="install what it needs, or remove the package that provides it",
            ) from error
        _check_contract(self.kind, name, plugin, self.origins[name])
        return plugin


def _check_contract(kind: Kind, name: str, plugin: Any, origin: str) -> None:
    keeps_contract: bool = isinstance(plugin, _PROTOCOLS[kind])
    if not keeps_contract:
        raise PluginError(
            f"{name!r} does not keep the contract of {kind}",
            where=origin,
            hint="see harness/plugins.py and docs/writing-a-driver.md",
        )
    if plugin.name != name:
        raise PluginError(
            f"the plug-in is registered as {name!r} and calls itself {plugin.name!r}",
            where=origin,
            hint="give it one name",
        )
    if plugin.api_version != API_VERSION:
        raise PluginError(
            f"{name!r} was written for plug-in interface {plugin.api_version}, "
            f"this edgebench has {API_VERSION}",
            where=origin,
            hint="update the package, or install the edgebench that it was written for",
        )


@cache
def registry(kind: Kind) -> Registry:
    """Return the registry of one kind: the files of its folder, then entry points.

    Raises:
        PluginError: two plug-ins claim one name.
    """
    sources: dict[str, Callable[[], Any]] = {}
    origins: dict[str, str] = {}
    package = f"harness.{kind}"
    folder = str(Path(__file__).parent / kind)
    for module in pkgutil.iter_modules([folder]):
        if module.name.startswith("_"):
            continue
        name = module.name.replace("_", "-") if kind == "drivers" else module.name
        sources[name] = _module_loader(f"{package}.{module.name}")
        origins[name] = f"{package}.{module.name}"
    for entry in metadata.entry_points(group=f"edgebench.{kind}"):
        if entry.name in sources:
            raise PluginError(
                f"{entry.name!r} is claimed by {origins[entry.name]} and by {entry.value}",
                hint=f"uninstall one of the two packages that provide this {kind[:-1]}",
            )
        sources[entry.name] = entry.load
        origins[entry.name] = entry.value
    return Registry(kind, sources, origins)


def _module_loader(module: str) -> Callable[[], Any]:
    return lambda: importlib.import_module(module).PLUGIN


def driver(name: str) -> Driver:
    """Return a driver by name; raises `PluginError`."""
    return cast("Driver", registry("drivers").get(name))


def network_options(network: Any) -> type[Options]:
    """Return the type of a network's options; one that does not say has none."""
    from harness.options import NoOptions

    said: type[Options] = getattr(network, "options", NoOptions)
    return said


def build_network(network: Any, seed: int, options: Options | None = None) -> Any:
    """Build a network, with its own defaults where no options are given."""
    if not hasattr(network, "options"):
        return network.build(seed)
    return network.build(seed, network.options() if options is None else options)


def passes_of(driver: Driver) -> frozenset[Pass]:
    """Return the passes that a driver can make; one that does not say makes the usual two."""
    said: frozenset[Pass] = getattr(driver, "passes", frozenset({"latency", "memory"}))
    return said


def runs_workloads(driver: Driver) -> bool:
    """Tell whether a driver can run a `workload:`; it says so with `workloads = True`."""
    return getattr(driver, "workloads", False) is True
