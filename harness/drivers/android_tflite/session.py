"""An opened device: pushes what a run needs, runs it, and brings back what it left."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.core_sets import core_mask
from harness.drivers.android_tflite.benchmark_app import PACKAGE, BenchmarkApp, installed_app
from harness.drivers.android_tflite.capture_files import (
    APP_PID,
    CORES,
    OUTPUT,
    PROFILE,
    RESULTS,
    STREAMS,
)
from harness.drivers.android_tflite.command import MEMORY_SAMPLE_EVERY_S, Places, flags_of_run
from harness.drivers.android_tflite.device_files import PUSH_S, bring, head, make_folder
from harness.drivers.android_tflite.device_tools import DeviceTools
from harness.drivers.android_tflite.labelled_examples import run_examples
from harness.drivers.android_tflite.proof import asked_facts
from harness.drivers.android_tflite.reading import read_capture
from harness.drivers.android_tflite.sustained import (
    SAMPLE_EVERY_S,
    SAMPLES,
    WINDOWS,
    longest_s,
    windows_of,
)
from harness.drivers.android_tflite.tool_kinds import refuse_keys_without_a_flag
from harness.drivers.android_tflite.toolchain import LITERT_HOST, DeviceTool
from harness.errors import HarnessError, OutputUnreadable, RunFailed, TargetUnfit
from harness.model import Capture, Pass, Tensor
from harness.phone_care.care import Admission, DeviceCare, take_care
from harness.phone_care.reading import BEGIN, CPU, END
from harness.plugins import ModelFile, RunRequest, TargetSpec
from harness.transports import litert
from harness.transports.adb import ShellTimedOut
from harness.transports.android_scripts import AndroidScripts, bring_scripts
from harness.transports.open_device import OpenDevice, open_device
from harness.transports.run_folder import RunFolder, claim

SCHEMA = 1
# The shell, the process and the model are started and ended around what the tool times.
_MARGIN_S = 5.0
_OUTPUT_LIMIT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What the model's outputs will be: their shapes, or why those are not known."""

    tensors: tuple[Tensor, ...] = ()
    absent: str = ""


@dataclass(frozen=True, slots=True)
class _Launch:
    """A run that is ready to start: its command on the device, and what it belongs to."""

    request: RunRequest
    folder: str
    tool: DeviceTool
    outputs: _Outputs
    output_file: str
    command: list[str]
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def samples_memory(self) -> bool:
        """Whether memory is sampled from outside: not where that would be Python's or a shell's."""
        return self.request.pass_ == "memory" and self.tool.name not in {LITERT_HOST, PACKAGE}


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the wrapper ended; the text is what it said on its own streams."""

    said: bytes
    complaints: bytes
    timed_out: bool
    seconds: float


@dataclass(slots=True)
class AndroidSession:
    """A target of this driver, ready to run."""

    _device: OpenDevice
    _tools: DeviceTools | BenchmarkApp
    _scripts: AndroidScripts
    _care: DeviceCare | None
    _place: RunFolder
    _scratch: Path
    _outputs: dict[tuple[str, str], _Outputs] = field(default_factory=dict)

    @property
    def device(self) -> str:
        return self._device.label

    @property
    def notes(self) -> tuple[str, ...]:
        return self._device.notes

    def execute(self, request: RunRequest) -> Capture:
        """Run the tool once in a folder of its own, which is gone afterwards."""
        folder = f"{self._place.path}/{secrets.token_hex(8)}"
        with self._device.errors():
            self._device.keep(request.sampling.timeout_s + (request.sampling.sustained or 0.0))
            try:
                return self._execute(request, folder)
            finally:
                if isinstance(self._tools, BenchmarkApp):
                    with suppress(HarnessError):
                        self._tools.stop()
                # A device that went away keeps its folder; everything else is given back.
                with suppress(HarnessError):
                    self._device.adb.remove_tree(folder)

    def _execute(self, request: RunRequest, folder: str) -> Capture:
        if request.examples:
            make_folder(self._device, folder)
            return run_examples(self._execute, read_capture, request, folder)
        begun = time.monotonic()
        make_folder(self._device, folder)
        launch = self._launch(request, folder)
        # Quality does not depend on heat; a gate per example would take the night.
        cared = self._care if request.pass_ != "quality" else None
        admitted = cared.admit(request.waiting) if cared else None
        prepared = time.monotonic()
        if admitted and admitted.refused:
            ended = _Ended(b"", b"", False, 0.0)
        else:
            with request.window():
                ended = self._run(launch)
        files = self._collect(launch, ended)
        files |= self._collect_conditions(folder, admitted)
        absent = launch.outputs.absent
        if not absent and request.pass_ in {"latency", "quality"}:
            absent = self._collect_output(launch.output_file, files)
        record = self._record(launch, absent, ended)
        if self._care and admitted:
            record["conditions"] = admitted.record(self._care.rules)
        record["times_s"] = {
            "prepare": prepared - begun,
            "run": ended.seconds,
            "collect": time.monotonic() - prepared - ended.seconds,
        }
        files["run.json"] = (json.dumps(record, indent=1) + "\n").encode()
        return Capture(files)

    def _launch(self, request: RunRequest, folder: str) -> _Launch:
        """Bring everything that a run needs, and return how it is started."""
        tool = self._tools.get(request.variant.tool)
        _check_pass(tool, request.pass_)
        refuse_keys_without_a_flag(tool.name, tool.kind, request.variant)
        outputs = self._expected_outputs(request, tool)
        places = Places(
            model=bring(self._device, request.model.path, digest=request.model.sha256),
            inputs=tuple(self._push_bytes(tensor.data) for tensor in request.inputs),
            outputs="" if outputs.absent else f"{folder}/{OUTPUT}",
            results=f"{folder}/{RESULTS}",
            profile=f"{folder}/{PROFILE}",
        )
        flags = flags_of_run(
            pass_=request.pass_,
            variant=request.variant,
            sampling=request.sampling,
            inputs=request.inputs,
            places=places,
            known=tool.flags,
            kind=tool.kind,
        )
        command = self._placed(request.variant.core_set, self._tools.command(tool, flags))
        return _Launch(request, folder, tool, outputs, places.outputs, command)

    def _placed(self, cores: frozenset[int] | None, command: list[str]) -> list[str]:
        if cores is None:
            return command
        bring_scripts(self._device.adb, self._device.root, ("on_cores.sh",))
        return ["sh", self._scripts.path("on_cores.sh"), core_mask(cores), *command]

    def _run(self, launch: _Launch) -> _Ended:
        request, folder, command = launch.request, launch.folder, launch.command
        watch = ["--watch"] if self._care else []
        timeout_s = request.sampling.timeout_s
        if launch.samples_memory:
            watch += ["--sample", f"{MEMORY_SAMPLE_EVERY_S:g}"]
        if request.pass_ == "sustained":
            bring_scripts(self._device.adb, self._device.root)
            total_s = request.sampling.sustained or 0.0
            count, _ = windows_of(total_s)
            watch += ["--sample", f"{SAMPLE_EVERY_S:g}"]
            command = ["sh", self._scripts.path("sustained.sh"), str(count), *command]
            timeout_s += longest_s(total_s)
        command = ["sh", self._scripts.path("run.sh"), *watch, folder, launch.nonce, *command]
        begun = time.monotonic()
        try:
            ended = self._device.adb.shell(
                command, timeout_s=timeout_s + _MARGIN_S, pgid_file=f"{folder}/pgid"
            )
        except ShellTimedOut as error:
            return _Ended(error.stdout, error.stderr, True, time.monotonic() - begun)
        return _Ended(ended.stdout, ended.stderr, False, time.monotonic() - begun)

    def _collect(self, launch: _Launch, ended: _Ended) -> dict[str, bytes]:
        """Bring back what every run leaves, and what this one may have left beside it."""
        request, folder = launch.request, launch.folder
        files = {"end.txt": ended.said + ended.complaints}
        files |= {name: head(self._device, f"{folder}/{name}") for name in STREAMS}
        maybe = [RESULTS, APP_PID]
        maybe += [CORES] if request.variant.core_set is not None else []
        maybe += [PROFILE] if request.pass_ == "ops" else []
        maybe += [SAMPLES] if launch.samples_memory else []
        maybe += [WINDOWS, SAMPLES] if request.pass_ == "sustained" else []
        found = {name: head(self._device, f"{folder}/{name}") for name in maybe}
        return files | {name: data for name, data in found.items() if data}

    def _collect_conditions(self, folder: str, admitted: Admission | None) -> dict[str, bytes]:
        if not self._care or not admitted:
            return {}
        files = {BEGIN: admitted.said.encode()}
        if not admitted.refused:
            files[END] = self._care.look().encode()
            files[CPU] = head(self._device, f"{folder}/{CPU}")
        return files

    def _collect_output(self, remote: str, files: dict[str, bytes]) -> str:
        """Add the model's outputs to the files; return why there are none."""
        try:
            files[OUTPUT] = self._device.adb.pull_bytes(
                remote, timeout_s=PUSH_S, limit_bytes=_OUTPUT_LIMIT_BYTES
            )
        except OutputUnreadable as error:
            return f"the tool wrote no outputs ({error.message})"
        return ""

    def _record(self, launch: _Launch, outputs_absent: str, ended: _Ended) -> dict[str, Any]:
        request, tool = launch.request, launch.tool
        shown = self._device.shown_path
        return {
            "schema": SCHEMA,
            "pass": request.pass_,
            "context": "apk" if isinstance(self._tools, BenchmarkApp) else "shell",
            "asked": asked_facts(request.variant) | tool.asked(),
            "flags": {name: str(value) for name, value in sorted(request.variant.flags.items())},
            "command": [shown(part) for part in launch.command],
            "nonce": launch.nonce,
            "ended": "timed-out" if ended.timed_out else "ended",
            "sampling": request.sampling.model_dump(mode="json"),
            "device": self._device.facts(),
            "tool": {"name": tool.name, "abi": tool.abi, "sha256": tool.sha256},
            "inputs": [
                {
                    "name": tensor.name,
                    "shape": list(tensor.shape),
                    "dtype": tensor.dtype,
                    "sha256": sha256(tensor.data).hexdigest(),
                }
                for tensor in request.inputs
            ],
            "outputs": [
                {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
                for tensor in launch.outputs.tensors
            ],
            "outputs_absent": outputs_absent,
        }

    def _expected_outputs(self, request: RunRequest, tool: DeviceTool) -> _Outputs:
        if absent := _without_outputs(tool):
            return _Outputs(absent=absent)
        key = _model_and_shapes(request.model, request.inputs)
        if key not in self._outputs:
            self._outputs[key] = _ask_outputs(request)
        return self._outputs[key]

    def _push_bytes(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        local = self._scratch / f"input-{digest[:16]}"
        if not local.is_file():
            local.write_bytes(data)
        return bring(self._device, local, digest=digest)

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs of LiteRT's reference kernels on this host."""
        answers = litert.reference_outputs(model.path, inputs)
        for fed, answer in zip(inputs, answers, strict=True):
            shapes = tuple(replace(tensor, data=b"") for tensor in answer)
            self._outputs[_model_and_shapes(model, fed)] = _Outputs(shapes)
        return answers

    def reference_runtime(self) -> str:
        return litert.reference_runtime()

    def recover(self) -> str:
        """Reach the device again after it was lost, and clear what the lost run left on it."""
        with self._device.errors():
            if self._device.virtual and self._device.virtual.ended:
                raise TargetUnfit(
                    "the virtual device has ended",
                    hint="start a new session, or resume this one",
                    kind="target-gone",
                )
            happened = self._place.recover()
            if self._care:
                # A device that was rebooted has lost what was set up for the runs.
                self._care.prepare()
            return happened

    def interrupt(self) -> None:
        """End the run that is under way; its process group on the device is killed."""
        self._device.adb.interrupt()

    def close(self) -> None:
        """Remove this session's folders from the device, and end a virtual one."""
        try:
            if self._care:
                with suppress(HarnessError):
                    self._care.restore()
            with suppress(HarnessError):
                self._place.give_back()
        finally:
            self._device.close()


def _model_and_shapes(model: ModelFile, inputs: Sequence[Tensor]) -> tuple[str, str]:
    return model.sha256, ";".join(f"{tensor.shape}{tensor.dtype}" for tensor in inputs)


def _check_pass(tool: DeviceTool, pass_: Pass) -> None:
    """Refuse a pass that a tool cannot make."""
    if pass_ == "sustained" and tool.name == PACKAGE:
        raise RunFailed(
            "the benchmark app has no sustained pass",
            hint="leave `sustained` out of this target's `sampling:`, or use `context: shell`",
            kind="unsupported",
        )
    if pass_ == "ops" and "enable_op_profiling" not in tool.flags:
        raise RunFailed(
            f"{tool.name} cannot time operators: this build has no --enable_op_profiling",
            hint="name a build of TFLite's benchmark_model under `tools:`, or leave out "
            "`profile: ops`",
            kind="no-profiler",
        )


def _without_outputs(tool: DeviceTool) -> str:
    if tool.name == PACKAGE:
        return "the benchmark app may write no file that the shell can read"
    missing = {"output_filepath", "input_layer_value_files"} - tool.flags
    return f"this build of {tool.name} has no --{min(missing)}" if missing else ""


def _ask_outputs(request: RunRequest) -> _Outputs:
    try:
        return _Outputs(litert.output_shapes(request.model.path, request.inputs))
    except HarnessError as error:
        return _Outputs(absent=f"the shapes of its outputs are not known: {error}")


def open_session(target: TargetSpec) -> AndroidSession:
    """Reach the device, bring the scripts and the target's tool there, and ask what it can do.

    Raises:
        TargetNotFound, TargetUnfit, TargetLost: the device or the tool cannot be used.
    """
    device = open_device(target.options, target.scratch, target.phone)
    try:
        with device.errors():
            return prepared(device, target)
    except BaseException:
        device.close()
        raise


def prepared(device: OpenDevice, target: TargetSpec) -> AndroidSession:
    """Return a session on a device that was reached; raises as `open_session`."""
    place = claim(device.adb, device.root)
    try:
        return _equipped(device, target, place)
    except BaseException:
        with suppress(HarnessError):
            place.give_back()
        raise


def _equipped(device: OpenDevice, target: TargetSpec, place: RunFolder) -> AndroidSession:
    scripts = bring_scripts(device.adb, device.root, ("run.sh", "cpu_state.sh"))
    tools: DeviceTools | BenchmarkApp
    if target.options.context == "apk":
        tools = installed_app(device, scripts)
    else:
        tools = DeviceTools(device, scripts, place.path, target.tools, target.options.tool)
        tools.get()
    # Last, since whatever fails after it would have to give the settings back.
    care = take_care(device.adb, target.options, device.root, place.path, virtual=device.is_virtual)
    return AndroidSession(device, tools, scripts, care, place, target.scratch)
