"""Asking every phone of a lab what it is and how it does, side by side and within a deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.errors import HarnessError
from harness.lab import Lab
from harness.model import Phone
from harness.serials import bench_of
from harness.tools.android_device import DeviceInfo, read_device_info
from harness.transports import phone_lease
from harness.transports.adb import (
    AdbDevice,
    AdbServer,
    DeviceState,
    devices,
    server_of,
    user_server,
)
from harness.transports.android_scripts import device_root

ANSWER_S = 8.0
"""What a phone has for its whole answer."""
# What the readers of device_info.sh want, in one command that brings nothing to the phone.
_INFO = """
property() { for n in "$@"; do v=$(getprop "$n" 2> /dev/null); [ -z "$v" ] || break; done; }
property ro.product.model; echo "model=$v"
property ro.soc.model ro.board.platform ro.hardware; echo "soc=$v"
property ro.build.version.release; echo "android=$v"
property ro.product.cpu.abi; echo "abi=$v"
echo "== battery"; dumpsys battery 2> /dev/null
echo "== thermalservice"; dumpsys thermalservice 2> /dev/null
echo "== end"
"""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A phone as it was found; `state` is adb's, or `absent`, or `silent` if it did not answer."""

    phone: Phone
    state: str
    info: DeviceInfo = field(default_factory=DeviceInfo)
    lease: str = ""
    next_step: str = ""

    @property
    def ready(self) -> bool:
        return self.state == "device"


def survey(lab: Lab) -> tuple[Surveyed, ...]:
    """Return the lab's phones, then every other phone that the user's own server sees.

    Servers are asked side by side, then phones are. A server elsewhere is never started; our
    own is, where none runs.
    """
    servers = dict.fromkeys(server_of(phone) for phone in lab.phones if phone.serial)
    servers[None] = None
    with ThreadPoolExecutor(max_workers=32) as pool:
        answers = dict(zip(servers, pool.map(_seen_by, servers), strict=True))
        return tuple(pool.map(lambda phone: _survey(phone, answers), _phones(lab, answers)))


def _seen_by(server: AdbServer | None) -> Sequence[DeviceState] | HarnessError:
    try:
        return devices(server)
    except HarnessError as error:
        return error


def _phones(
    lab: Lab, answers: Mapping[AdbServer | None, Sequence[DeviceState] | HarnessError]
) -> list[Phone]:
    own = answers[None]
    seen = () if isinstance(own, HarnessError) else own
    known = {phone.bench for phone in lab.phones}
    others = [Phone("", each.serial, bench_of(each.serial)) for each in seen]
    return [*lab.phones, *(phone for phone in others if phone.bench not in known)]


def _survey(
    phone: Phone, answers: Mapping[AdbServer | None, Sequence[DeviceState] | HarnessError]
) -> Surveyed:
    if not phone.serial:
        return Surveyed(phone, "device", DeviceInfo(model="virtual device (this host)"))
    seen = answers[server_of(phone)]
    if isinstance(seen, HarnessError):
        return Surveyed(phone, "absent", next_step=f"{seen.message}: {seen.hint}")
    state = next((each for each in seen if each.serial == phone.serial), None)
    if state is None:
        step = "plug it in, with USB debugging on; its serial must be the one in devices.yaml"
        return Surveyed(phone, "absent", next_step=step)
    if not state.ready:
        info = DeviceInfo(model=state.model)
        return Surveyed(phone, state.state, info, next_step=state.hint)
    try:
        return _asked(phone, server_of(phone) or user_server())
    except HarnessError as error:
        step = f"it did not answer ({error.kind}): unplug it and plug it in again"
        return Surveyed(phone, "silent", DeviceInfo(model=state.model), next_step=step)


def _asked(phone: Phone, server: AdbServer) -> Surveyed:
    device = AdbDevice(phone.serial, server)
    said = device.shell(_INFO, timeout_s=ANSWER_S)
    info = read_device_info(said.stdout.decode(errors="replace"))
    lease = _lease(phone, device)
    step = "wait until its lease ends, or use another" if lease else ""
    return Surveyed(phone, "device", info, lease, step)


def _lease(phone: Phone, device: AdbDevice) -> str:
    holder = phone_lease.locked_by(phone.bench)
    marker = phone_lease.seen_marker(device, device_root(device.getprops(timeout_s=ANSWER_S)))
    if marker is not None:
        return f"{marker.holder.machine} until {marker.until}"
    return "" if holder is None else f"this machine, process {holder}"
