"""`edgebench devices`: the lab as it is found, over a real adb server; bounded, and masked."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness.transports.adb import find_adb
from harness.transports.virtual_device_process import start_virtual_device
from harness.transports.virtual_setup import Greets, Hangs, Moment, VirtualSetup

pytestmark = pytest.mark.adb

PHONE = Path(__file__).parents[1] / "fixtures" / "reconstructed_phone" / "dumpsys"
DUMPSYS = "#!/bin/sh\ncat '{folder}/'\"$1.txt\"\n"


def rows(edgebench: Commander, *options: str) -> tuple[int, list[dict[str, Any]]]:
    said = edgebench("devices", "--devices", "lab.yaml", "--json", *options)
    (table,) = json.loads(said.stdout)["tables"]
    return said.returncode, table["rows"]


def test_each_phone_has_a_row_with_what_is_known_and_what_to_do(
    edgebench: Commander, adb_of_its_own: Commander
) -> None:
    folder = edgebench.folder
    programs = folder / "programs"
    programs.mkdir()
    (programs / "dumpsys").write_text(DUMPSYS.format(folder=PHONE))
    setups = {
        "good": VirtualSetup({"ro.product.model": "Pixel 8"}, programs),
        "locked": VirtualSetup(faults=(Greets("unauthorized"),)),
        "silent": VirtualSetup(faults=(Hangs(Moment("shell")),)),
    }
    with ExitStack() as stack:
        lines = []
        for name, setup in setups.items():
            made = folder / name
            handle = stack.enter_context(start_virtual_device(made, adb=find_adb(), setup=setup))
            adb = f"{{host: 127.0.0.1, port: {handle.adb_port}}}"
            lines.append(f"  {name}: {{serial: '{handle.serial}', adb: {adb}, virtual: {{}}}}")
        lines.append("  gone: {serial: R5XGONE1234, adb: {host: 127.0.0.1, port: 1}}")
        (folder / "lab.yaml").write_text("phones:\n" + "\n".join(lines) + "\n")
        code, found = rows(adb_of_its_own)
        whole = rows(adb_of_its_own, "--serials")[1]
    assert code == 1
    by_alias = {row["alias"]: row for row in found}
    states = {name: row["state"] for name, row in by_alias.items()}
    # A server that has just asked the phone says so for a moment.
    assert states.pop("locked") in {"unauthorized", "authorizing"}
    assert states == {
        "good": "device",
        "silent": "silent",
        "gone": "absent",
    }
    assert by_alias["good"]["model"] == "Pixel 8"
    assert by_alias["good"]["battery"] is not None
    assert by_alias["good"]["thermal"] is not None
    assert not by_alias["good"]["next_step"]
    assert all(by_alias[name]["next_step"] for name in ("locked", "silent", "gone"))
    assert "R5XGONE1234" not in json.dumps(found)
    assert "R5XGONE1234" in json.dumps(whole)
