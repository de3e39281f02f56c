"""The device of a target: reached, named, and given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, TargetUnfit
from harness.model import Phone, Scalar
from harness.serials import bench_of, hashed, masking
from harness.transports.adb import AdbDevice, AdbServer, devices, find_adb, pick, server_of
from harness.transports.android_scripts import FOLDER, PHONE_BASE, VIRTUAL_BASE, device_root
from harness.transports.phone_lease import PhoneLease, take_lease
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.transports.virtual_setup import PLAIN, VirtualSetup

VIRTUAL_LABEL = "virtual device (this host)"
# Reaching a phone, pushing to it, and the reference outputs come before the first run.
_FIRST_RUN_S = 600.0


@dataclass(frozen=True, slots=True)
class OpenDevice:
    """A device that answers; `base` is where the harness may write on it."""

    adb: AdbDevice
    base: str
    properties: Mapping[str, str]
    virtual: VirtualDeviceHandle | None
    lease: PhoneLease | None = None

    @property
    def root(self) -> str:
        """Return the harness's own folder on the device."""
        return f"{self.base}/{FOLDER}"

    @property
    def is_virtual(self) -> bool:
        """Tell a virtual device, also one that runs already and is reached by its serial."""
        return self.virtual is not None or VIRTUAL_BASE in self.properties

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about how the device was reached."""
        return (self.lease.note,) if self.lease and self.lease.note else ()

    @property
    def label(self) -> str:
        if self.is_virtual:
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
        if self.is_virtual:
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
        return text.replace(self.base, PHONE_BASE)

    def keep(self, needed_s: float) -> None:
        """Keep the phone leased for what the next run may take, in seconds.

        Raises:
            TargetLost: the lease was lost, or the device went away.
        """
        if self.lease:
            self.lease.renew(needed_s)

    def close(self) -> None:
        if self.lease:
            self.lease.release()
        if self.virtual:
            self.virtual.close()

    def _known(self, *names: str) -> str | None:
        return next((self.properties[name] for name in names if self.properties.get(name)), None)


def open_device(
    options: Any, scratch: Path, phone: Phone | None = None, *, setup: VirtualSetup | None = None
) -> OpenDevice:
    """Reach the device that a target was placed on, or that its options mean, and lease it.

    A virtual device without a serial is started with `setup` (left out: the plain one), and is
    nobody else's.

    Raises:
        TargetNotFound, TargetUnfit, TargetLost: it is not there, not ready, or leased.
    """
    if options.device == "virtual":
        return _started(scratch, phone, setup or PLAIN)
    server = server_of(phone)
    with masking(_attached(options.device, server)):
        adb = AdbDevice.attach(pick(options.device, server), server)
        bench = phone.bench if phone else bench_of(adb.serial)
        properties = adb.getprops()
        base = properties.get(VIRTUAL_BASE, PHONE_BASE)
        if phone is not None and phone.alias and phone.virtual is None and base != PHONE_BASE:
            raise TargetUnfit(
                f"{phone.alias} is a virtual device of this host, not a phone",
                hint=f"say so in devices.yaml: `{phone.alias}: {{virtual: {{}}, …}}`",
            )
        # A connection of its own, so that Ctrl-C cannot keep it from being given back.
        own = AdbDevice.attach(adb.serial, server)
        lease = take_lease(own, device_root(properties), bench, needed_s=_FIRST_RUN_S)
        return OpenDevice(adb, base, properties, None, lease)


def _started(scratch: Path, phone: Phone | None, setup: VirtualSetup) -> OpenDevice:
    if phone and phone.virtual:
        properties = {**phone.virtual.properties, **setup.properties}
        setup = replace(setup, properties=properties)
    handle = start_virtual_device(scratch, adb=find_adb(), setup=setup)
    try:
        adb = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
        return OpenDevice(adb, handle.base, adb.getprops(), handle)
    except BaseException:
        handle.close()
        raise


def _attached(device: str, server: AdbServer | None) -> list[str]:
    # Errors may list every phone that is attached, not only the one that was meant.
    serials = [] if device == "auto" else [device]
    with suppress(HarnessError):
        serials += [each.serial for each in devices(server)]
    return serials
