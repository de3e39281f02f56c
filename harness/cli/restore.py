"""`edgebench devices restore SERIAL`: give back what a session that crashed had changed."""

from __future__ import annotations

import argparse

from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, TargetUnfit
from harness.model import Column, Table
from harness.transports import android_scripts
from harness.transports.adb import AdbDevice, pick

_RESTORED = "restored "


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if nothing is left to restore.

    Raises:
        TargetError: the phone is not there, or a value could not be restored.
    """
    device = AdbDevice.attach(pick(arguments.serial))
    root = f"{android_scripts.PHONE_BASE}/edgebench"
    scripts = android_scripts.bring_scripts(device, root)
    ended = scripts.run("restore.sh", android_scripts.saved_values(root))
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
            where=arguments.serial,
            hint="unlock the phone and try again; the old values stay on it until then",
        )
    return EXIT_OK
