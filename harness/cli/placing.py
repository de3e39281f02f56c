"""Placing a suite on phones: devices.yaml is found and read, and the adb servers are asked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from harness import lab, store
from harness.errors import HarnessError
from harness.lab import Lab
from harness.model import Phone
from harness.suite.values import Suite
from harness.transports import phone_lease
from harness.transports.adb import (
    AdbDevice,
    DeviceState,
    devices,
    listens,
    server_of,
    user_server,
)
from harness.transports.android_scripts import device_root


def the_lab(arguments: argparse.Namespace) -> Lab:
    """Return the lab of `--devices`, or the one that is found, or an empty one.

    Raises:
        SuiteError: the file has mistakes, or is named and not there.
    """
    path = lab.find(arguments.devices)
    return Lab() if path is None else lab.load(path)


def placed(suite: Suite, arguments: argparse.Namespace) -> Suite:
    """Return the suite with its targets on the phones that they mean now.

    A session that is resumed keeps the phones that `{any: …}` meant when it began.

    Raises:
        SuiteError: a phone, a tag or a set of cores is not known, with its position.
    """
    resumed = getattr(arguments, "resume", None)
    before: Mapping[str, str] = {}
    if resumed is not None:
        session = store.read_session(resumed)
        before = {target.name: target.bench for target in session.targets}
    # Only measuring needs an adb server; to plan, what is not running is not started.
    measures = arguments.module in {"run", "gate", "backfill"}
    starts = measures and not getattr(arguments, "dry_run", False)
    return lab.place(suite, the_lab(arguments), Phones(starts), before=before)


@dataclass
class Phones:
    """The phones as the adb servers see them; each server is asked when it matters, and once."""

    starts_a_server: bool

    @cached_property
    def _own(self) -> tuple[DeviceState, ...]:
        if not self.starts_a_server and not listens(user_server()):
            return ()
        with suppress(HarnessError):
            return devices()
        return ()

    def only_one(self) -> str | None:
        """Return the serial of the one phone that the user's server sees, if it is ready."""
        serials = [each.serial for each in self._own if each.ready]
        return serials[0] if len(self._own) == 1 and serials else None

    def is_free(self, phone: Phone) -> bool:
        """Tell whether a phone is attached, ready, and leased to nobody."""
        if not phone.serial:
            return True
        if phone_lease.locked_by(phone.bench) is not None:
            return False
        server = server_of(phone) or user_server()
        try:
            own = phone.host is None
            seen = self._own if own else devices(server)
            if not any(each.serial == phone.serial and each.ready for each in seen):
                return False
            device = AdbDevice.attach(phone.serial, server)
            return phone_lease.seen_marker(device, device_root(device.getprops())) is None
        except HarnessError:
            return False
