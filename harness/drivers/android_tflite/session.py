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

from harness.drivers.android_tflite.command import asked_facts, flags_of_run
from harness.drivers.android_tflite.conditions.care import Admission, DeviceCare, take_care
from harness.drivers.android_tflite.conditions.reading import BEGIN, CPU, END
from harness.drivers.android_tflite.conditions.sustained import (
    SAMPLE_EVERY_S,
    SAMPLES,
    WINDOWS,
    longest_s,
    windows_of,
)
from harness.drivers.android_tflite.device import OpenDevice, open_device
from harness.drivers.android_tflite.toolchain import DeviceTool, choose_tool
from harness.errors import HarnessError, OutputUnreadable, RunFailed, TargetUnfit
from harness.model import Capture, Pass, Tensor
from harness.plugins import ModelFile, RunRequest, TargetSpec
from harness.tools.benchmark_model import flags_in_usage
from harness.transports import litert
from harness.transports.adb import ShellTimedOut
from harness.transports.android_scripts import AndroidScripts, bring_scripts

SCHEMA = 1
_SHORT_S = 30.0
_PUSH_S = 600.0
# The shell, the process and the model are started and ended around what the tool times.
_MARGIN_S = 5.0
_TEXT_LIMIT_BYTES = 4 << 20
_OUTPUT_LIMIT_BYTES = 256 << 20
_STREAMS = ("stdout.txt", "stderr.txt")


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What the model's outputs will be: their shapes, or why those are not known."""

    tensors: tuple[Tensor, ...] = ()
    absent: str = ""


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
    _tool: DeviceTool
    _scripts: AndroidScripts
    _care: DeviceCare | None
    _runs: str
    _scratch: Path
    _outputs: dict[tuple[str, str], _Outputs] = field(default_factory=dict)

    @property
    def device(self) -> str:
        return self._device.label

    def execute(self, request: RunRequest) -> Capture:
        """Run the tool once in a folder of its own, which is gone afterwards."""
        folder = f"{self._runs}/{secrets.token_hex(8)}"
        with self._device.errors():
            try:
                return self._execute(request, folder)
            finally:
                # A device that went away keeps its folder; everything else is given back.
                with suppress(HarnessError):
                    self._device.adb.remove_tree(folder)

    def _execute(self, request: RunRequest, folder: str) -> Capture:
        begun = time.monotonic()
        _make_folder(self._device, folder)
        model = _bring(self._device, request.model.path, digest=request.model.sha256)
        input_files = [self._push_bytes(tensor.data) for tensor in request.inputs]
        outputs = self._expected_outputs(request)
        output_file = f"{folder}/output.bin" if not outputs.absent else ""
        flags = flags_of_run(
            model=model,
            pass_=request.pass_,
            variant=request.variant,
            sampling=request.sampling,
            inputs=request.inputs,
            input_files=input_files,
            output_file=output_file,
            known=self._tool.flags,
        )
        nonce = secrets.token_hex(8)
        admitted = self._care.admit() if self._care else None
        prepared = time.monotonic()
        if admitted and admitted.refused:
            ended = _Ended(b"", b"", False, 0.0)
        else:
            with request.window():
                ended = self._run(folder, nonce, flags, request)
        files = self._collect(folder, ended)
        files |= self._collect_conditions(folder, admitted, request.pass_)
        absent = outputs.absent
        if not absent and request.pass_ == "latency":
            absent = self._collect_output(output_file, files)
        record = self._record(request, outputs, absent, flags, nonce, ended)
        if self._care and admitted:
            record["conditions"] = admitted.record(self._care.rules)
        record["times_s"] = {
            "prepare": prepared - begun,
            "run": ended.seconds,
            "collect": time.monotonic() - prepared - ended.seconds,
        }
        files["run.json"] = (json.dumps(record, indent=1) + "\n").encode()
        return Capture(files)

    def _run(self, folder: str, nonce: str, flags: Sequence[str], request: RunRequest) -> _Ended:
        watch = ["--watch"] if self._care else []
        command = [self._tool.path, *flags]
        timeout_s = request.sampling.timeout_s
        if request.pass_ == "sustained":
            bring_scripts(self._device.adb, self._device.root)
            total_s = request.sampling.sustained or 0.0
            count, _ = windows_of(total_s)
            watch += ["--sample", f"{SAMPLE_EVERY_S:g}"]
            command = ["sh", self._scripts.path("sustained.sh"), str(count), *command]
            timeout_s += longest_s(total_s)
        command = ["sh", self._scripts.path("run.sh"), *watch, folder, nonce, *command]
        begun = time.monotonic()
        try:
            ended = self._device.adb.shell(
                command, timeout_s=timeout_s + _MARGIN_S, pgid_file=f"{folder}/pgid"
            )
        except ShellTimedOut as error:
            return _Ended(error.stdout, error.stderr, True, time.monotonic() - begun)
        return _Ended(ended.stdout, ended.stderr, False, time.monotonic() - begun)

    def _collect(self, folder: str, ended: _Ended) -> dict[str, bytes]:
        files = {"end.txt": ended.said + ended.complaints}
        return files | {name: _head(self._device, f"{folder}/{name}") for name in _STREAMS}

    def _collect_conditions(
        self, folder: str, admitted: Admission | None, pass_: Pass
    ) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        if self._care and admitted:
            files[BEGIN] = admitted.said.encode()
            if not admitted.refused:
                files[END] = self._care.look().encode()
                files[CPU] = _head(self._device, f"{folder}/{CPU}")
        if pass_ == "sustained":
            files |= {name: _head(self._device, f"{folder}/{name}") for name in (WINDOWS, SAMPLES)}
        return files

    def _collect_output(self, remote: str, files: dict[str, bytes]) -> str:
        """Add the model's outputs to the files; return why there are none."""
        try:
            files["output.bin"] = self._device.adb.pull_bytes(
                remote, timeout_s=_PUSH_S, limit_bytes=_OUTPUT_LIMIT_BYTES
            )
        except OutputUnreadable as error:
            return f"the tool wrote no outputs ({error.message})"
        return ""

    def _record(
        self,
        request: RunRequest,
        outputs: _Outputs,
        outputs_absent: str,
        flags: Sequence[str],
        nonce: str,
        ended: _Ended,
    ) -> dict[str, Any]:
        shown = self._device.shown_path
        return {
            "schema": SCHEMA,
            "pass": request.pass_,
            "asked": asked_facts(request.variant),
            "flags": {name: str(value) for name, value in sorted(request.variant.flags.items())},
            "command": [shown(part) for part in (self._tool.path, *flags)],
            "nonce": nonce,
            "ended": "timed-out" if ended.timed_out else "ended",
            "sampling": request.sampling.model_dump(mode="json"),
            "device": self._device.facts(),
            "tool": {
                "name": self._tool.name,
                "abi": self._tool.abi,
                "sha256": self._tool.sha256,
            },
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
                for tensor in outputs.tensors
            ],
            "outputs_absent": outputs_absent,
        }

    def _expected_outputs(self, request: RunRequest) -> _Outputs:
        key = _model_and_shapes(request.model, request.inputs)
        if key not in self._outputs:
            self._outputs[key] = self._ask_outputs(request)
        return self._outputs[key]

    def _without_outputs(self) -> str:
        missing = {"output_filepath", "input_layer_value_files"} - self._tool.flags
        return f"this build of {self._tool.name} has no --{min(missing)}" if missing else ""

    def _ask_outputs(self, request: RunRequest) -> _Outputs:
        if absent := self._without_outputs():
            return _Outputs(absent=absent)
        try:
            return _Outputs(litert.output_shapes(request.model.path, request.inputs))
        except HarnessError as error:
            return _Outputs(absent=f"the shapes of its outputs are not known: {error}")

    def _push_bytes(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        local = self._scratch / f"input-{digest[:16]}"
        if not local.is_file():
            local.write_bytes(data)
        return _bring(self._device, local, digest=digest)

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs of LiteRT's reference kernels on this host."""
        answers = litert.reference_outputs(model.path, inputs)
        if not self._without_outputs():
            for fed, answer in zip(inputs, answers, strict=True):
                shapes = tuple(replace(tensor, data=b"") for tensor in answer)
                self._outputs[_model_and_shapes(model, fed)] = _Outputs(shapes)
        return answers

    def reference_runtime(self) -> str:
        return f"LiteRT {litert.version() or '(not installed)'} reference kernels"

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
                self._device.adb.remove_tree(self._runs)
        finally:
            self._device.close()


def _model_and_shapes(model: ModelFile, inputs: Sequence[Tensor]) -> tuple[str, str]:
    return model.sha256, ";".join(f"{tensor.shape}{tensor.dtype}" for tensor in inputs)


def open_session(target: TargetSpec) -> AndroidSession:
    """Reach the device, choose the tool, bring both programs there, and ask what it can do.

    Raises:
        TargetNotFound, TargetUnfit, TargetLost: the device or the tool cannot be used.
    """
    device = open_device(target.options, target.scratch)
    try:
        with device.errors():
            return _prepared(device, target)
    except BaseException:
        device.close()
        raise


def _prepared(device: OpenDevice, target: TargetSpec) -> AndroidSession:
    chosen = choose_tool(
        target.options.tool, target.tools, device.abis, virtual=device.virtual is not None
    )
    runs = f"{device.root}/runs/{secrets.token_hex(8)}"
    _make_folder(device, runs)
    scripts = bring_scripts(device.adb, device.root, ("run.sh", "cpu_state.sh"))
    remote = _bring(device, chosen.path, digest=chosen.sha256, mode=0o755)
    flags = _known_flags(device, scripts.path("run.sh"), remote, f"{runs}/usage")
    tool = DeviceTool(chosen.name, chosen.abi, chosen.sha256, remote, flags)
    # Last, since whatever fails after it would have to give the settings back.
    care = take_care(
        device.adb, target.options, device.root, runs, virtual=device.virtual is not None
    )
    return AndroidSession(device, tool, scripts, care, runs, target.scratch)


def _make_folder(device: OpenDevice, folder: str) -> None:
    made = device.adb.shell(["mkdir", "-p", folder], timeout_s=_SHORT_S)
    if made.exit_code != 0:
        raise TargetUnfit(
            f"{folder} cannot be made: {made.stderr.decode(errors='replace').strip()}",
            hint="check the space and the permissions of that folder: `adb shell ls -ld`",
        )


def _bring(device: OpenDevice, path: Path, *, digest: str = "", mode: int = 0o644) -> str:
    """Return where a file lies on the device, brought there if it was not."""
    digest = digest or sha256(path.read_bytes()).hexdigest()
    remote = f"{device.root}/cache/{digest}"
    try:
        device.adb.push(path, remote, sha256=digest, mode=mode, timeout_s=_PUSH_S)
    except OSError as error:
        raise RunFailed(
            f"{path.name} cannot be read on this host: {error.strerror}",
            hint="it was there when the session began; put it back and resume",
            kind="model-unavailable",
        ) from error
    return remote


def _known_flags(device: OpenDevice, wrapper: str, tool: str, folder: str) -> frozenset[str]:
    """Ask the tool for its usage, which most builds end with 1; what it lists counts."""
    _make_folder(device, folder)
    command = ["sh", wrapper, folder, "usage", tool, "--help"]
    try:
        device.adb.shell(command, timeout_s=_SHORT_S, pgid_file=f"{folder}/pgid")
    except ShellTimedOut as error:
        raise TargetUnfit(
            f"the tool does not answer to --help within {_SHORT_S:g} s",
            hint="try it by hand: `adb shell` and the tool with --help",
        ) from error
    usage = b"".join(_head(device, f"{folder}/{name}") for name in _STREAMS)
    return flags_in_usage(usage.decode(errors="replace"))


def _head(device: OpenDevice, remote: str) -> bytes:
    """Return the beginning of a file: a tool in a loop may have written without end.

    A cut is seen when the text is read, since it lacks what stands at its end.
    """
    command = ["head", "-c", str(_TEXT_LIMIT_BYTES), remote]
    return device.adb.shell(command, timeout_s=_SHORT_S).stdout
