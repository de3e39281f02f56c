"""`edgebench devices restore PHONE`: give back what a session that crashed had changed."""

from __future__ import annotations

import argparse

from harness.cli.placing import the_lab
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, TargetUnfit
from harness.model import Column, Table
from harness.serials import bench_of
from harness.transports.adb import AdbDevice, pick, server_of
from harness.transports.android_scripts import bring_scripts, device_root, saved_values
from harness.transports.phone_lease import take_lease

_NEEDED_S = 120.0
_RESTORED = "restored "


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if nothing is left to restore.

    Raises:
        TargetError: the phone is not there or in use, or a value could not be restored.
    """
    named: str = arguments.phone
    lab = the_lab(arguments)
    phone = lab.by_alias(named) or next((p for p in lab.phones if p.serial == named), None)
    serial, server = (phone.serial, server_of(phone)) if phone else (named, None)
    device = AdbDevice.attach(pick(serial, server), server)
    root = device_root(device.getprops())
    # A phone in use elsewhere has its settings for a reason.
    lease = take_lease(device, root, bench_of(device.serial), needed_s=_NEEDED_S)
    try:
        ended = bring_scripts(device, root).run("restore.sh", saved_values(root))
    finally:
        lease.release()
    lines = ended.stdout.decode(errors="replace").splitlines()
    restored = [line.removeprefix(_RESTORED) for line in lines if line.startswith(_RESTORED)]
    table = Table(
        name="restored",
        title="Restored",
        columns=(Column("value", "setting or clock, and its value again"),),
        rows=tuple((value,) for value in restored),
        notes=() if restored else ("nothing was left to restore",),
    )
    print_tables([table], arguments.format)
    if ended.exit_code != 0:
        raise TargetUnfit(
            f"not everything could be restored: {ended.stderr.decode(errors='replace').strip()}",
            where=named,
            hint="unlock the phone and try again; the old values stay on it until then",
        )
    return EXIT_OK
