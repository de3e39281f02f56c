"""`edgebench devices`: the phones of the lab, how each does, and what it needs to be usable."""

from __future__ import annotations

import argparse

from harness.cli.phone_survey import Surveyed, survey
from harness.cli.placing import the_lab
from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.model import Column, Figure, Table, TableValue
from harness.serials import hashed, masked
from harness.tools.android_device.thermal import STATUS_NAMES

_COLUMNS = (
    Column("alias", "alias"),
    Column("serial", "serial"),
    Column("state", "state"),
    Column("model", "model"),
    Column("android", "Android"),
    Column("abi", "ABI"),
    Column("soc", "SoC"),
    Column("temperature", "battery", "°C", align="right"),
    Column("battery", "charge", "%", align="right"),
    Column("thermal", "thermal"),
    Column("lease", "leased to"),
    Column("next_step", "next step"),
)


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if there is a phone and every one is ready, else 1."""
    found = survey(the_lab(arguments))
    table = Table(
        name="devices",
        title="Devices",
        columns=_COLUMNS,
        rows=tuple(_row(each, shows_serials=arguments.serials) for each in found),
        notes=() if found else ("no phone is attached: attach one with USB debugging switched on",),
    )
    print_tables([table], arguments.format)
    return EXIT_OK if found and all(each.ready for each in found) else EXIT_FINDINGS


def _row(each: Surveyed, *, shows_serials: bool) -> tuple[TableValue, ...]:
    info, serial = each.info, each.phone.serial
    shown = serial if shows_serials or not serial else f"{masked(serial)} ({hashed(serial)})"
    battery, thermal = info.conditions.battery, info.conditions.thermal
    step = each.next_step if shows_serials or not serial else each.next_step.replace(serial, shown)
    return (
        each.phone.alias or None,
        shown or None,
        each.state,
        info.model or None,
        info.android or None,
        info.abi or None,
        info.soc or None,
        None if battery.celsius is None else Figure(battery.celsius, f"{battery.celsius:.1f}"),
        None if battery.percent is None else Figure(battery.percent, f"{battery.percent:.0f}"),
        None if thermal.status is None else STATUS_NAMES[thermal.status],
        each.lease or None,
        step or None,
    )
