"""From devices.yaml to a `Lab`, or to every mistake in it at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness import locations
from harness.lab.keys import LabKeys, PhoneKeys
from harness.model import Phone, VirtualPhone
from harness.serials import bench_of
from harness.suite import document, wording
from harness.suite.finding import Mistake, SuiteMistakes, did_you_mean, findings
from harness.suite.load import read_text
from harness.suite.nodes import Entry, MapNode, Node, data, entries_of

FILE_NAME = "devices.yaml"
KEYS_ARE_IN = "docs/phones.md has every key of devices.yaml"


@dataclass(frozen=True, slots=True)
class Lab:
    """The phones of a devices.yaml in its order; `path` is None where there is no such file."""

    path: Path | None = None
    phones: tuple[Phone, ...] = ()

    def by_alias(self, alias: str) -> Phone | None:
        """Return the phone of that alias, or None."""
        return next((phone for phone in self.phones if phone.alias == alias), None)

    def by_bench(self, bench: str) -> Phone | None:
        """Return the phone that is that bench, or None."""
        return next((phone for phone in self.phones if phone.bench == bench), None)

    def tagged(self, tag: str) -> tuple[Phone, ...]:
        """Return the phones of a tag."""
        return tuple(phone for phone in self.phones if tag in phone.tags)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(sorted({tag for phone in self.phones for tag in phone.tags}))


def find(named: Path | None) -> Path | None:
    """Return the devices.yaml that counts, or None if there is none.

    That is `named`, else `$EDGEBENCH_DEVICES`, else one in the current folder, else one in the
    user's settings. One that is named counts even if it is not there: `load` then says so.
    """
    if named is not None:
        return named
    if variable := os.environ.get("EDGEBENCH_DEVICES"):
        return Path(variable)
    places = (Path(FILE_NAME), locations.config() / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def load(path: Path) -> Lab:
    """Read a devices.yaml.

    Raises:
        SuiteMistakes: a `SuiteError` that lists every mistake by its position.
    """
    text = read_text(path)
    read = document.read(text, begin="phones:")
    mistakes = list(read.mistakes)
    keys = None if read.root is None else _keys(read.root, mistakes)
    if mistakes:
        raise SuiteMistakes(findings(text, str(path), mistakes), KEYS_ARE_IN)
    assert keys is not None
    return Lab(path, tuple(_phone(alias, keys) for alias in keys.phones))


def _keys(root: Node, mistakes: list[Mistake]) -> LabKeys | None:
    if not isinstance(root, MapNode):
        mistakes.append(
            Mistake(root.start, f"devices.yaml is keys and values, this is {wording.got(root)}")
        )
        return None
    keys = None
    try:
        keys = LabKeys.model_validate_json(json.dumps(data(root)))
    except ValidationError as error:
        mistakes += wording.mistakes(error, root, None, wording.Schema(LabKeys))
    mistakes += _rules(root)
    return keys


def _rules(root: MapNode) -> Iterator[Mistake]:
    socs = entries_of(root.get("socs"))
    owners: dict[str, str] = {}
    for entry in entries_of(root.get("phones")).values():
        if not isinstance(entry.value, MapNode):
            continue
        yield from _phone_rules(entry, entry.value, socs)
        serial = entry.value.text("serial")
        if serial is None:
            continue
        adb = entry.value.get("adb")
        host = adb.text("host") if isinstance(adb, MapNode) else None
        bench = bench_of(serial.text, host.text if host else None)
        other = owners.setdefault(bench, entry.key.text)
        if other != entry.key.text:
            yield Mistake(
                serial.start, f"serial: {other!r} has this serial too", "a phone has one alias"
            )


def _phone_rules(entry: Entry, phone: MapNode, socs: Mapping[str, Entry]) -> Iterator[Mistake]:
    alias, virtual = entry.key, phone.get("virtual")
    if phone.entry("serial") is None:
        if virtual is None:
            yield Mistake(
                alias.start, f"{alias.text}: a phone needs its `serial`", "`adb devices` shows it"
            )
        elif adb := phone.entry("adb"):
            yield Mistake(
                adb.key.start, "adb: a virtual device without a serial has its own adb server"
            )
    elif isinstance(virtual, MapNode) and (properties := virtual.entry("properties")):
        yield Mistake(
            properties.key.start, "properties: this virtual device runs already, with its own"
        )
    soc = phone.text("soc")
    if soc and soc.text not in socs:
        known = f"known: {', '.join(socs)}" if socs else "declare it under `socs:`"
        yield Mistake(
            soc.start,
            f"soc: there is no {soc.text[:40]!r} in `socs:`",
            did_you_mean(soc.text, socs) or known,
        )


def _phone(alias: str, keys: LabKeys) -> Phone:
    given = keys.phones[alias]
    adb = given.adb
    virtual = given.virtual
    return Phone(
        alias=alias,
        serial=given.serial or "",
        bench=_bench(alias, given),
        host=adb.host if adb else None,
        port=adb.port if adb else None,
        tags=tuple(given.tags),
        cores={name: str(cores) for name, cores in keys.socs.get(given.soc or "", {}).items()},
        virtual=VirtualPhone(virtual.cpu_free, virtual.properties) if virtual else None,
    )


def _bench(alias: str, given: PhoneKeys) -> str:
    """Name the bench: all that computes on this host is one, with its virtual devices."""
    if given.virtual is not None and not given.virtual.cpu_free:
        return "host"
    if given.serial is None:
        return f"virtual:{alias}"
    return bench_of(given.serial, given.adb.host if given.adb else None)
