"""Sessions on virtual devices that misbehave, played through by the real runner and adb server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from adb_parts import needed_adb
from android_parts import script_tool

from harness import plan, store
from harness.drivers.android_tflite.options import TargetOptions, VariantOptions
from harness.model import Failed, ResultFolder, RunResult, SessionRecord, Skipped
from harness.options import Sampling, Timed, Warmup
from harness.plugins import ModelFile, Session, TargetSpec, driver
from harness.retries import RetryPolicy
from harness.runner import lane, run_plan
from harness.runner.events import Event
from harness.runner.expectation import Expectation
from harness.suite.values import Generated, ModelSource, Suite, Target, Variant
from harness.transports import open_device as device_module
from harness.transports.adb import AdbServer
from harness.transports.adb.connection import query
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.transports.virtual_setup import VirtualSetup
from harness.virtual_device.sandbox import properties

LOGS = Path(__file__).parents[1] / "fixtures" / "benchmark_model" / "benchmark_model-2.14.1-debian"
SAYS_A_KNOWN_LOG = f"""
case $1 in --help) exit 1;; esac
cat <<'LOG'
{(LOGS / "ok_peakmem.stdout").read_text()}LOG
"""
POLICY = RetryPolicy(waits_s=(0.05,) * 60, losses_in_a_row=3, added_blocks=1)
SAMPLING = Sampling(
    blocks=2,
    memory_runs=0,
    warmup=Warmup(iterations=3, seconds=0.0),
    timed=Timed(iterations=7, max_seconds=20.0),
    timeout_s=10.0,
)


class _Opening:
    """The driver itself, that tells a lab which target is being opened."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._driver = driver("android-tflite")

    def open(self, target: TargetSpec) -> Session:
        self._lab.opening = target.name
        return self._driver.open(target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


class Lab:
    """Targets on virtual devices; a session is played with them, and what stays is looked at.

    The devices are kept when a session ends, as phones are, until the lab is closed.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.handles: list[VirtualDeviceHandle] = []
        self.events: list[Event] = []
        self._setups: dict[str, VirtualSetup] = {}
        self.opening = ""
        self._really_close = VirtualDeviceHandle.close
        self._patch = monkeypatch
        monkeypatch.setattr(VirtualDeviceHandle, "close", lambda _: None)
        monkeypatch.setattr(device_module, "start_virtual_device", self._start)
        monkeypatch.setattr(
            lane,
            "expect",
            lambda *_, **__: Expectation((), "0" * 64, "", None, 1e-4, "no reference"),
        )

    def _start(self, scratch: Path, *, adb: Path, **_: Any) -> VirtualDeviceHandle:
        del scratch
        setup = self._setups[self.opening]
        handle = start_virtual_device(self.folder / "kept", adb=adb, setup=setup)
        self.handles.append(handle)
        return handle

    def close(self) -> None:
        for handle in self.handles:
            self._really_close(handle)

    def play(
        self,
        *setups: VirtualSetup,
        script: str = SAYS_A_KNOWN_LOG,
        variants: Sequence[str] = ("a",),
        sampling: Sampling = SAMPLING,
        policy: RetryPolicy = POLICY,
        watch: Callable[[Event], None] = lambda _: None,
        tools: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> ResultFolder:
        """Run a suite with a target per setup, each on a device of its own, and read the folder."""
        needed_adb()
        self._setups = {f"device-{at}": setup for at, setup in enumerate(setups, start=1)}
        tools = tools or script_tool(self.folder, script, properties()["ro.product.cpu.abi"])
        (tool,) = tools
        targets = tuple(
            Target(
                name,
                "android-tflite",
                TargetOptions(device="virtual", tool=tool),
                tuple(Variant(name, VariantOptions()) for name in variants),
                None,
                (),
                sampling,
            )
            for name in self._setups
        )
        suite = _suite(targets, sampling)
        drivers: Any = {"android-tflite": _Opening(self)}
        planned = plan.make(suite, drivers)
        record = SessionRecord(
            1,
            "s",
            "0",
            "l",
            "2026",
            (),
            1,
            2,
            0,
            planned.cells,
            (),
            {},
            {},
            {},
            policy.added_blocks,
        )
        path = self.folder / "results"

        def emit(event: Event) -> None:
            self.events.append(event)
            watch(event)

        with store.create(path, record, suite.text) as writer:
            run_plan(
                planned,
                drivers=drivers,
                models={("m", "fp32"): {"tflite": self._model()}},
                tools=tools,
                writer=writer,
                host_place={},
                emit=emit,
                policy=policy,
            )
        return store.read(path)

    def _model(self) -> ModelFile:
        from hashlib import sha256

        path = self.folder / "model.tflite"
        path.write_bytes(bytes(range(256)) * 1200)
        return ModelFile("tflite", path, sha256(path.read_bytes()).hexdigest(), path.stat().st_size)

    def left(self) -> list[str]:
        """Return what stays of a session on its devices: files, processes, forwards."""
        found: list[str] = []
        for handle in self.handles:
            base = Path(handle.base) / "edgebench"
            found += [str(path) for path in base.glob("runs/*")]
            found += [str(path) for path in base.glob("cache/*.part")]
            found += [
                f"process {folder.parent.name}"
                for folder in Path("/proc").glob("[0-9]*/cwd")
                if _points_into(folder, Path(handle.base))
            ]
            if not handle.ended:
                server = AdbServer(handle.adb_port)
                found += query(server, "host:list-forward", timeout_s=10).splitlines()
        return found


def _suite(targets: tuple[Target, ...], sampling: Sampling) -> Suite:
    model = ModelSource("m", "fp32", Generated("n", 1), {}, (), "cpu", 1e-4)
    return Suite("s", Path("s"), "suite: s\n", (model,), targets, (), sampling)


def _points_into(link: Path, folder: Path) -> bool:
    try:
        return str(link.readlink()).startswith(f"{folder}/")
    except OSError:
        return False


def outcomes(folder: ResultFolder, target: str = "device-1", variant: str = "a") -> list[str]:
    """Return how the runs of a cell ended, in order: `measured`, or the class of the failure."""
    return [
        kind_of(run)
        for run in folder.runs
        if (run.cell.target, run.cell.variant) == (target, variant)
    ]


def kind_of(run: RunResult) -> str:
    """Return `measured`, or the class of a failure that has a next step."""
    if isinstance(run.outcome, Failed | Skipped):
        assert run.outcome.failure.message
        assert run.outcome.failure.hint
        word = "" if isinstance(run.outcome, Failed) else "skipped: "
        return word + run.outcome.failure.kind
    return "measured"
