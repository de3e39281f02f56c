"""Faults of storage, tools and clocks on a device, through the real adb server: each is a stored
outcome with its class and next step, leaves nothing behind, and costs only its own cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fault_parts import LOGS, SAMPLING, SAYS_A_KNOWN_LOG, Lab, outcomes

from harness.drivers.android_tflite import session as run_session
from harness.plugins import ToolFile
from harness.transports.virtual_setup import SaysInstead, VirtualSetup, WritesFail
from harness.virtual_device.sandbox import properties

pytestmark = pytest.mark.adb
HEALTHY = VirtualSetup()
ABI = properties()["ro.product.cpu.abi"]
HALF_A_LOG = "".join((LOGS / "ok_peakmem.stdout").read_text().splitlines(keepends=True)[:4])


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        # Gone after it has said what it can do: the shell answers 127.
        ('case $1 in --help) rm -f "$0"; exit 1;; esac', "tool-missing"),
        ("kill -ABRT $$", "crashed"),
        ("kill -SEGV $$", "crashed"),
        # As Android's low-memory killer ends a process.
        ("kill -KILL $$", "killed"),
        (f"cat <<'LOG'\n{HALF_A_LOG}LOG", "no-timing-line"),
    ],
)
def test_a_tool_that_ends_badly_is_final_and_costs_its_own_runs(
    lab: Lab, script: str, kind: str
) -> None:
    folder = lab.play(HEALTHY, script=script)
    assert outcomes(folder) == [kind, kind]
    assert lab.left() == []


def test_a_tool_for_another_abi_is_named(lab: Lab, tmp_path: Path) -> None:
    # The head of a program for a machine that there is none of: the shell answers 126.
    path = tmp_path / "foreign"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf7\xff" + bytes(100))
    tool = ToolFile("foreign", ABI, path, sha256(path.read_bytes()).hexdigest())
    folder = lab.play(HEALTHY, tools={"foreign": {ABI: tool}})
    assert outcomes(folder) == ["wrong-abi", "wrong-abi"]
    assert lab.left() == []


def test_a_tool_that_hangs_is_killed_with_all_that_it_started(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_session, "_MARGIN_S", 0.2)
    sampling = SAMPLING.model_copy(update={"timeout_s": 0.4})
    script = "case $1 in --help) exit 1;; esac; sleep 300 & sleep 300"
    folder = lab.play(HEALTHY, script=script, sampling=sampling)
    assert outcomes(folder) == ["timed-out", "timed-out"]
    assert lab.left() == []


def test_a_device_without_space_refuses_the_model_and_keeps_no_half_of_it(lab: Lab) -> None:
    # Scripts and tool fit, the model of 300 kB does not.
    full = VirtualSetup(faults=(WritesFail("ENOSPC", after_bytes=200_000),))
    folder = lab.play(full, HEALTHY)
    assert outcomes(folder) == ["no-space", "no-space"]
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_folder_that_takes_no_file_is_named_when_the_device_is_opened(lab: Lab) -> None:
    folder = lab.play(VirtualSetup(faults=(WritesFail("EROFS"),)), HEALTHY)
    assert outcomes(folder) == ["skipped: read-only"] * 2
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []


def test_a_folder_in_which_none_can_be_made_is_named_too(lab: Lab, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    # toybox' words.
    (programs / "mkdir").write_text(
        "#!/bin/sh\necho \"mkdir: '$2': Read-only file system\" >&2\nexit 1\n"
    )
    folder = lab.play(VirtualSetup(programs=programs), HEALTHY)
    assert outcomes(folder) == ["skipped: read-only"] * 2
    assert outcomes(folder, "device-2") == ["measured"] * 2


# No process here can set the uptime or the time of day of a sandbox; what the wrapper says of
# them is changed on its way to the host.
@pytest.mark.parametrize(
    "change",
    [
        SaysInstead("(END .*uptime=)[0-9.]+", r"\g<1>99999999.00", "--graph="),
        SaysInstead("(END .*uptime=)[0-9.]+", r"\g<1>0.01", "--graph="),
        SaysInstead("(END .*clock=)[0-9.]+", r"\g<1>1000.0", "--graph="),
    ],
)
def test_a_clock_that_jumps_leaves_no_number(lab: Lab, change: SaysInstead) -> None:
    folder = lab.play(VirtualSetup(faults=(change,)), HEALTHY, script=SAYS_A_KNOWN_LOG)
    # One block is added for those that were spoilt, and is spoilt as well.
    assert outcomes(folder) == ["clock-jump"] * 3
    assert outcomes(folder, "device-2") == ["measured"] * 2
    assert lab.left() == []
