"""A phone gets its settings back: at the end, after a crash, and by command.

The phone is a virtual device behind a private adb server that plays the user's own; its
`settings`, `dumpsys` and `input` are reconstructed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from android_parts import model_file, request, script_tool
from phone_parts import SAYS_WHAT_A_TOOL_SAID, Attached, attached_phone

from harness import cli
from harness.drivers.android_tflite.options import TargetOptions
from harness.phone_care.care import take_care
from harness.phone_care.keys import Conditions
from harness.plugins import Session, TargetSpec, driver
from harness.transports.adb import AdbDevice
from harness.virtual_device.sandbox import properties

ABI = properties()["ro.product.cpu.abi"]
# Whatever else this host does: it must neither keep a test waiting nor change its verdict.
RULES = Conditions(brightness=10, wait_s=0.0, max_cpu_load=1.0)
BEFORE = {"system.screen_brightness": "102", "system.screen_brightness_mode": "1"}
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_phone_restored as test
session = test.open_session({serial!r}, Path({folder!r}))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attached]:
    with attached_phone(tmp_path / "device", monkeypatch, BEFORE) as phone:
        yield phone


def open_session(serial: str, folder: Path, script: str = "exit 0") -> Session:
    folder.mkdir(exist_ok=True)
    options = TargetOptions(device=serial, tool="script", conditions=RULES)
    return driver("android-tflite").open(
        TargetSpec("phone", options, script_tool(folder, script, ABI), folder)
    )


def test_a_session_gives_back_what_it_changed(attached: Attached, tmp_path: Path) -> None:
    session = open_session(attached.handle.serial, tmp_path / "session")
    assert attached.settings()["system.screen_brightness"] == "10"
    assert attached.settings()["global.stay_on_while_plugged_in"] == "7"
    session.close()
    assert attached.settings() == BEFORE
    assert not attached.saved.exists()


def test_a_phone_is_cared_for_without_being_asked(attached: Attached) -> None:
    device = AdbDevice.attach(attached.handle.serial)
    root = f"{attached.handle.base}/edgebench"
    options = TargetOptions(device=attached.handle.serial)
    assert take_care(device, options, root, f"{root}/runs", virtual=True) is None
    care = take_care(device, options, root, f"{root}/runs", virtual=False)
    assert care
    assert attached.settings()["global.stay_on_while_plugged_in"] == "7"
    care.restore()
    assert attached.settings() == BEFORE


def test_a_run_says_its_conditions(attached: Attached, tmp_path: Path) -> None:
    session = open_session(attached.handle.serial, tmp_path / "session", SAYS_WHAT_A_TOOL_SAID)
    try:
        model = model_file(tmp_path, b"a model that nobody loads")
        conditions = driver("android-tflite").read(session.execute(request(model))).conditions
    finally:
        session.close()
    assert conditions["verdict"] == "ok"
    assert conditions["thermal_status_begin"] == 0


def test_an_interrupt_does_not_keep_settings_from_being_given_back(
    attached: Attached, tmp_path: Path
) -> None:
    session = open_session(attached.handle.serial, tmp_path / "session")
    session.interrupt()
    session.close()
    assert attached.settings() == BEFORE


@pytest.fixture
def busy(attached: Attached, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another harness, which has a session open on the phone."""
    code = CHILD.format(
        tests=str(Path(__file__).parent),
        serial=attached.handle.serial,
        folder=str(tmp_path / "other"),
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ.copy()
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def crashed(attached: Attached, busy: subprocess.Popen[bytes]) -> Attached:
    """A phone whose session was killed with -9 in the middle."""
    busy.send_signal(signal.SIGKILL)
    busy.wait()
    assert attached.settings()["system.screen_brightness"] == "10"
    return attached


def test_a_command_restores_what_a_killed_session_left(
    crashed: Attached, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["devices", "restore", crashed.handle.serial, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert "system screen_brightness 102" in json.dumps(rows)
    assert crashed.settings() == BEFORE
    assert cli.main(["devices", "restore", crashed.handle.serial]) == 0
    assert "nothing was left to restore" in capsys.readouterr().out
    assert crashed.settings() == BEFORE


def test_the_next_session_restores_first_and_keeps_the_true_values(
    crashed: Attached, tmp_path: Path
) -> None:
    session = open_session(crashed.handle.serial, tmp_path / "next")
    assert crashed.settings()["system.screen_brightness"] == "10"
    assert (crashed.saved / "setting.system.screen_brightness").read_text() == "102\n"
    session.close()
    assert crashed.settings() == BEFORE


def test_an_alias_is_restored_on_the_adb_server_that_its_lab_names(
    crashed: Attached, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = os.environ["ANDROID_ADB_SERVER_PORT"]
    (tmp_path / "devices.yaml").write_text(
        f"phones:\n  shelf:\n    serial: '{crashed.handle.serial}'\n"
        f"    adb: {{host: 127.0.0.1, port: {port}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")  # no server of the user's is needed
    assert cli.main(["devices", "restore", "shelf"]) == 0
    assert crashed.settings() == BEFORE


def test_a_serial_that_is_not_attached_is_told(
    attached: Attached, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["devices", "restore", "nobody"]) == 1
    assert attached.handle.serial in capsys.readouterr().err


@pytest.mark.usefixtures("busy")
def test_a_phone_in_use_is_left_alone(
    attached: Attached, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["devices", "restore", attached.handle.serial]) == 1
    assert attached.settings()["system.screen_brightness"] == "10"
    assert "next step" in capsys.readouterr().err
