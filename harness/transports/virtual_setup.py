"""What a virtual device is made of, and how it misbehaves: plain values, and their JSON.

The device's program is told on its command line, so everything here can be written down.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Moment:
    """When a fault strikes: in the `nth` stream (from 1) whose service contains `service`.

    It then waits until the host has sent `received_bytes` over that stream, and until the
    device has said `said` on it; of the byte where it strikes nothing more gets through.
    """

    service: str = ""
    nth: int = 1
    received_bytes: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Greets:
    """The device answers the first `connections` so (None: every one), then as a ready one.

    `unauthorized` accepts no key, `offline` never answers, `recovery` is another system.
    """

    state: Literal["unauthorized", "offline", "recovery"]
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class CableCut:
    """The connection ends without a word; the device is back after a while, or never (None).

    What runs on the device goes on, as on a phone; one that `reboots` loses it, and comes back
    with another `ro.boottime.init`.
    """

    at: Moment
    back_after_s: float | None = None
    reboots: bool = False


@dataclass(frozen=True, slots=True)
class Hangs:
    """A stream that has been opened and on which nothing moves any more, though it stays open."""

    at: Moment


@dataclass(frozen=True, slots=True)
class WritesFail:
    """Files pushed to the device are refused once it has taken `after_bytes` in all.

    `error` is the name of an errno, such as ENOSPC or EROFS.
    """

    error: str
    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SaysInstead:
    """What commands whose service contains `service` say is changed on its way to the host.

    `pattern` is a regular expression over each piece of output, `replacement` as `re.sub` has
    it.
    """

    pattern: str
    replacement: str
    service: str = "shell"


@dataclass(frozen=True, slots=True)
class Dribbles:
    """In streams whose service contains `service` output comes in bits, `every_s` apart."""

    service: str
    every_s: float
    piece_bytes: int = 1


Fault: TypeAlias = Greets | CableCut | Hangs | WritesFail | SaysInstead | Dribbles

_KINDS: Mapping[str, type[Fault]] = {
    kind.__name__: kind for kind in (Greets, CableCut, Hangs, WritesFail, SaysInstead, Dribbles)
}


@dataclass(frozen=True, slots=True)
class VirtualSetup:
    """A virtual device that differs from the usual one.

    `properties` are what `getprop` answers beside, or instead of, its own; `programs` is a
    folder whose files become programs of the device that go before the host's, such as
    stand-ins for `am` or `logcat`; `faults` happen in the order in which their moments come.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        for name, value in self.properties.items():
            if not name or "=" in name or not (name + value).isprintable():
                raise ValueError(f"{name!r} = {value!r} is no property")


PLAIN = VirtualSetup()


def to_json(setup: VirtualSetup) -> str:
    """Return a setup as one line of JSON."""
    return json.dumps(
        {
            "properties": dict(setup.properties),
            "programs": None if setup.programs is None else str(setup.programs.resolve()),
            "faults": [
                {"fault": type(fault).__name__, **dataclasses.asdict(fault)}
                for fault in setup.faults
            ],
        }
    )


def from_json(text: str) -> VirtualSetup:
    """Read what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    said = json.loads(text)
    return VirtualSetup(
        properties=said["properties"],
        programs=None if said["programs"] is None else Path(said["programs"]),
        faults=tuple(_fault(entry) for entry in said["faults"]),
    )


def _fault(entry: Mapping[str, Any]) -> Fault:
    fields = dict(entry)
    kind = _KINDS[fields.pop("fault")]
    if "at" in fields:
        fields["at"] = Moment(**fields["at"])
    return kind(**fields)
