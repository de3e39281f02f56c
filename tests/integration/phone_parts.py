"""A virtual device that plays a phone on the user's own adb server, with reconstructed services."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from adb_parts import needed_adb

from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.transports.virtual_setup import VirtualSetup

FIXTURES = Path(__file__).parents[1] / "fixtures"
LOGS = FIXTURES / "benchmark_model" / "benchmark_model-2.14.1-debian"
PHONE = FIXTURES / "reconstructed_phone"
SAYS_WHAT_A_TOOL_SAID = f"cat '{LOGS}/ok_cpu.stdout'; cat '{LOGS}/ok_cpu.stderr' >&2"


@dataclass(frozen=True)
class Attached:
    """The phone, and what its services answer."""

    handle: VirtualDeviceHandle

    @property
    def saved(self) -> Path:
        return Path(self.handle.base) / "edgebench" / "saved"

    def settings(self) -> dict[str, str]:
        found = (self.handle.sandbox / "system" / "settings").glob("*")
        return {path.name: path.read_text().strip() for path in found}

    def answers(self, service: str, old: str, new: str) -> None:
        path = self.handle.sandbox / "system" / "dumpsys" / f"{service}.txt"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@contextmanager
def attached_phone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]
) -> Iterator[Attached]:
    """Start the phone; whoever asks for the user's adb server finds it there."""
    setup = VirtualSetup(programs=PHONE / "bin")
    with start_virtual_device(folder, adb=needed_adb(), setup=setup) as handle:
        system = handle.sandbox / "system"
        shutil.copytree(PHONE / "dumpsys", system / "dumpsys")
        (system / "settings").mkdir()
        for name, value in settings.items():
            (system / "settings" / name).write_text(f"{value}\n")
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(handle.adb_port))
        yield Attached(handle)
