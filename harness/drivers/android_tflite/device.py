"""The device of a target: reached, named, and given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.drivers.android_tflite.serials import hashed, masking
from harness.errors import HarnessError
from harness.model import Scalar
from harness.transports import android_scripts
from harness.transports.adb import AdbDevice, AdbServer, devices, find_adb, pick
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

VIRTUAL_LABEL = "virtual device (this host)"


@dataclass(frozen=True, slots=True)
class OpenDevice:
    """A device that answers; `base` is where the harness may write on it."""

    adb: AdbDevice
    base: str
    properties: Mapping[str, str]
    virtual: VirtualDeviceHandle | None

    @property
    def root(self) -> str:
        """Return the harness's own folder on the device."""
        return f"{self.base}/edgebench"

    @property
    def label(self) -> str:
        if self.virtual:
            return VIRTUAL_LABEL
        return self.properties.get("ro.product.model") or "a phone without a name"

    @property
    def abis(self) -> tuple[str, ...]:
        """Return the ABIs that the device runs, its best first."""
        listed = (
            self.properties.get("ro.product.cpu.abilist")
            or self.properties.get("ro.product.cpu.abi")
            or ""
        )
        return tuple(abi.strip() for abi in listed.split(",") if abi.strip())

    def facts(self) -> dict[str, Scalar]:
        """Return what a result may say about the device; the virtual one is this host."""
        if self.virtual:
            return {"label": self.label, "virtual": True, "abi": self._known("ro.product.cpu.abi")}
        release = self._known("ro.build.version.release")
        return {
            "label": self.label,
            "virtual": False,
            "hash": hashed(self.adb.serial),
            "abi": self._known("ro.product.cpu.abi"),
            "cpu_model": self._known("ro.soc.model", "ro.board.platform", "ro.hardware"),
            "os_major": f"Android {release.partition('.')[0]}" if release else None,
            "os_build": self._known("ro.build.fingerprint"),
        }

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Keep the serial of a phone out of every error."""
        with masking(() if self.virtual else (self.adb.serial,)):
            yield

    def shown_path(self, text: str) -> str:
        """Return a path of the device as it would be on a phone, free of this host's folders."""
        return text.replace(self.base, android_scripts.PHONE_BASE)

    def close(self) -> None:
        if self.virtual:
            self.virtual.close()

    def _known(self, *names: str) -> str | None:
        return next((self.properties[name] for name in names if self.properties.get(name)), None)


def open_device(options: Any, scratch: Path) -> OpenDevice:
    """Reach the device that a target's options mean; only `virtual` starts one.

    Raises:
        TargetNotFound, TargetUnfit, TargetLost: it is not there, or not ready.
    """
    if options.device == "virtual":
        handle = start_virtual_device(scratch, adb=find_adb())
        try:
            adb = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
            return OpenDevice(adb, handle.base, adb.getprops(), handle)
        except BaseException:
            handle.close()
            raise
    with masking(_attached(options.device)):
        adb = AdbDevice.attach(pick(options.device))
        return OpenDevice(adb, android_scripts.PHONE_BASE, adb.getprops(), None)


def _attached(device: str) -> list[str]:
    # Errors may list every phone that is attached, not only the one that was meant.
    serials = [] if device == "auto" else [device]
    with suppress(HarnessError):
        serials += [each.serial for each in devices()]
    return serials
