"""The builds of the tool on a device: each is brought there once, and asked what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from harness.drivers.android_tflite.capture_files import STREAMS
from harness.drivers.android_tflite.device_files import SHORT_S, bring, head, make_folder
from harness.drivers.android_tflite.toolchain import DeviceTool, choose_tool
from harness.errors import HarnessError, TargetUnfit
from harness.plugins import ToolFile
from harness.tools.benchmark_model import flags_in_usage
from harness.transports.adb import ShellTimedOut
from harness.transports.android_scripts import AndroidScripts
from harness.transports.open_device import OpenDevice


@dataclass(slots=True)
class DeviceTools:
    """The tools of one session; `runs` is its folder on the device."""

    device: OpenDevice
    scripts: AndroidScripts
    runs: str
    builds: Mapping[str, Mapping[str, ToolFile]]
    default: str | None
    _ready: dict[str | None, DeviceTool] = field(default_factory=dict)

    def get(self, name: str | None = None) -> DeviceTool:
        """Return the suite's tool of that name, else the target's, ready on the device.

        Raises:
            TargetUnfit: there is none for this device, or it does not answer.
            TargetLost: the device went away.
        """
        name = name or self.default
        if name not in self._ready:
            self._ready[name] = self._prepare(name)
        return self._ready[name]

    def command(self, tool: DeviceTool, flags: Sequence[str]) -> list[str]:
        """Return what starts a tool on the device."""
        return [tool.path, *flags]

    def _prepare(self, name: str | None) -> DeviceTool:
        virtual = self.device.is_virtual
        chosen = choose_tool(name, self.builds, self.device.abis, virtual=virtual)
        remote = bring(self.device, chosen.path, digest=chosen.sha256, mode=0o755)
        flags = self._known_flags(remote, f"{self.runs}/usage")
        return DeviceTool(chosen.name, chosen.abi, chosen.sha256, remote, flags, chosen.kind)

    def _known_flags(self, tool: str, folder: str) -> frozenset[str]:
        """Ask a tool for its usage, which most builds end with 1; what it lists counts."""
        make_folder(self.device, folder)
        try:
            usage = self._usage(tool, folder)
        finally:
            with suppress(HarnessError):
                self.device.adb.remove_tree(folder)
        return flags_in_usage(usage.decode(errors="replace"))

    def _usage(self, tool: str, folder: str) -> bytes:
        command = ["sh", self.scripts.path("run.sh"), folder, "usage", tool, "--help"]
        try:
            self.device.adb.shell(command, timeout_s=SHORT_S, pgid_file=f"{folder}/pgid")
        except ShellTimedOut as error:
            raise TargetUnfit(
                f"the tool does not answer to --help within {SHORT_S:g} s",
                hint="try it by hand: `adb shell` and the tool with --help",
            ) from error
        return b"".join(head(self.device, f"{folder}/{name}") for name in STREAMS)
