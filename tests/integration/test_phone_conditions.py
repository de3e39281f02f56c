"""Conditions on a virtual device whose `dumpsys`, `settings` and `input` are reconstructed."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from adb_parts import needed_adb
from android_parts import QUICK, model_file, request, script_tool
from phone_parts import PHONE, SAYS_WHAT_A_TOOL_SAID

from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession
from harness.errors import RunFailed, TargetUnfit
from harness.model import Failed, Measured, Reading
from harness.phone_care.keys import Conditions
from harness.plugins import ModelFile, TargetSpec, driver
from harness.transports import open_device as device_module
from harness.transports.virtual_setup import VirtualSetup
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]


class Phone:
    """A session on a device that plays a phone, and the answers of its services."""

    def __init__(self, session: AndroidSession) -> None:
        self.session = session
        handle = session._device.virtual
        assert handle
        self.system = handle.sandbox / "system"
        self.saved = Path(handle.base) / "edgebench" / "saved"

    def answers(self, service: str, old: str, new: str) -> None:
        path = self.system / "dumpsys" / f"{service}.txt"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def settings(self) -> dict[str, str]:
        found = (self.system / "settings").glob("*")
        return {path.name: path.read_text().strip() for path in found}


@contextmanager
def phone(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    conditions: Conditions,
    script: str = SAYS_WHAT_A_TOOL_SAID,
) -> Iterator[Phone]:
    needed_adb()
    monkeypatch.setattr(device_module, "PLAIN", VirtualSetup(programs=PHONE / "bin"))
    options = TargetOptions(device="virtual", tool="script", conditions=conditions)
    session = LANE.open(TargetSpec("phone", options, script_tool(folder, script, ABI), folder))
    assert isinstance(session, AndroidSession)
    try:
        made = Phone(session)
        shutil.copytree(PHONE / "dumpsys", made.system / "dumpsys")
        yield made
    finally:
        session.close()


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return model_file(tmp_path, b"a model that nobody loads")


def run(one: Phone, model: ModelFile, **keys: object) -> Reading:
    return LANE.read(one.session.execute(request(model, xnnpack=None, **keys)))  # type: ignore[arg-type]  # keys of request


QUIET = Conditions(wait_s=0.0, max_cpu_load=1.0)


def test_a_calm_run_is_ok_and_says_its_conditions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    with phone(tmp_path, monkeypatch, QUIET) as one:
        reading = run(one, model)
    assert isinstance(reading.outcome, Measured), reading.outcome
    seen = reading.conditions
    assert seen["verdict"] == "ok"
    assert (seen["thermal_status_begin"], seen["thermal_status_end"]) == (0, 0)
    assert (seen["battery_c_begin"], seen["battery_percent_end"]) == (28.7, 81.0)
    assert seen["skin_c_end"] == 30.1


def test_a_virtual_device_without_the_key_is_not_looked_at(
    tmp_path: Path, model: ModelFile
) -> None:
    needed_adb()
    options = TargetOptions(device="virtual", tool="script")
    tools = script_tool(tmp_path, SAYS_WHAT_A_TOOL_SAID, ABI)
    session = LANE.open(TargetSpec("phone", options, tools, tmp_path))
    try:
        capture = session.execute(request(model))
    finally:
        session.close()
    assert not {name for name in capture.files if "conditions" in name or "cpu" in name}
    assert "verdict" not in LANE.read(capture).conditions


def test_what_a_virtual_device_cannot_tell_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    with phone(tmp_path, monkeypatch, QUIET) as one:
        shutil.rmtree(one.system / "dumpsys")
        reading = run(one, model)
    assert isinstance(reading.outcome, Measured)
    assert "verdict" not in reading.conditions
    reason = "neither thermal status nor battery temperature is known"
    assert reading.conditions["verdict_reason"] == reason
    assert reading.conditions["battery_c_begin"] is None


def test_a_hot_phone_is_marked_when_the_wait_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    rules = Conditions(wait_s=1.0, max_cpu_load=1.0)
    waits: list[str] = []
    with phone(tmp_path, monkeypatch, rules) as one:
        one.answers("thermalservice", "Thermal Status: 0", "Thermal Status: 1")
        asked = replace(request(model, xnnpack=None), waiting=waits.append)
        reading = LANE.read(one.session.execute(asked))
    assert any("thermal status 1 (light)" in why and "at most" in why for why in waits)
    assert isinstance(reading.outcome, Measured)
    assert reading.conditions["verdict"] == "throttled"
    assert "thermal status 1 (light)" in str(reading.conditions["verdict_reason"])
    assert float(reading.conditions["waited_s"] or 0) >= 1


def test_a_phone_that_is_back_from_a_reboot_is_set_up_again_and_given_back_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "global.stay_on_while_plugged_in"
    with phone(tmp_path, monkeypatch, QUIET) as one:
        set_up = one.settings()[name]
        (one.system / "settings" / name).write_text("0\n")
        one.session.recover()
        assert one.settings()[name] == set_up != "0"


def test_a_phone_that_cools_down_in_time_is_measured_as_calm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    rules = Conditions(wait_s=60.0, max_cpu_load=1.0)
    with phone(tmp_path, monkeypatch, rules) as one:
        one.answers("battery", "temperature: 287", "temperature: 451")
        cooling = threading.Timer(
            1.5, one.answers, ("battery", "temperature: 451", "temperature: 399")
        )
        cooling.start()
        reading = run(one, model)
        cooling.join()
    assert reading.conditions["verdict"] == "ok"
    assert reading.conditions["battery_c_begin"] == 39.9


def test_a_refused_run_is_not_made_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    rules = Conditions(wait_s=0.0, otherwise="refuse", max_cpu_load=1.0)
    ran = tmp_path / "ran"
    with phone(tmp_path, monkeypatch, rules, f"[ $1 = --help ] || : > '{ran}'") as one:
        one.answers("battery", "level: 81", "level: 12")
        reading = run(one, model)
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.kind == "conditions-refused"
    assert "battery at 12 % before the run, below 20" in reading.outcome.failure.message
    assert "conditions" in reading.outcome.failure.hint
    assert reading.conditions["battery_percent_begin"] == 12.0
    assert not ran.exists()


def test_a_run_that_ends_severely_hot_has_no_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    file = tmp_path / "thermalservice"
    heat = f"cat '{file}' > \"$HOME/../../../system/dumpsys/thermalservice.txt\"; "
    with phone(tmp_path, monkeypatch, QUIET, heat + SAYS_WHAT_A_TOOL_SAID) as one:
        text = (PHONE / "dumpsys" / "thermalservice.txt").read_text()
        file.write_text(text.replace("Thermal Status: 0", "Thermal Status: 3"))
        # The tool was asked for its usage before, which heated too.
        shutil.copy(PHONE / "dumpsys" / "thermalservice.txt", one.system / "dumpsys")
        reading = run(one, model)
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.kind == "conditions-invalid"
    assert "severe" in reading.outcome.failure.message
    assert reading.conditions["verdict"] == "invalid"


def test_a_phone_that_sleeps_is_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    with phone(tmp_path, monkeypatch, QUIET) as one:
        one.answers("power", "mWakefulness=Awake", "mWakefulness=Asleep")
        reading = run(one, model)
    assert reading.conditions["verdict"] == "ok"


def test_clocks_that_cannot_be_locked_keep_the_target_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(TargetUnfit, match="clocks"),
        phone(tmp_path, monkeypatch, Conditions(lock_clocks=True)),
    ):
        pass


def test_an_interrupt_ends_the_wait_and_leaves_nothing_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    with phone(tmp_path, monkeypatch, Conditions(wait_s=300.0)) as one:
        one.answers("thermalservice", "Thermal Status: 0", "Thermal Status: 2")
        interrupt = threading.Timer(2.0, one.session.interrupt)
        interrupt.start()
        begun = time.monotonic()
        with pytest.raises(RunFailed):
            one.session.execute(request(model))
        assert time.monotonic() - begun < 60
        left = one.session._device.adb.shell(
            ["sh", "-c", "ps -eo args | grep '[t]hermal_wait'"], timeout_s=20
        )
        assert left.stdout == b""


def test_a_sustained_run_gives_a_series_with_its_temperatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFile
) -> None:
    sampling = QUICK.model_copy(update={"sustained": 3.0})
    with phone(tmp_path, monkeypatch, QUIET) as one:
        reading = run(one, model, pass_="sustained", sampling=sampling)
    assert isinstance(reading.outcome, Measured), reading.outcome
    found = {measurement.metric: measurement for measurement in reading.outcome.measurements}
    assert len(found["window_latency_mean"].samples) == 3
    assert found["window_battery_temperature"].samples == (28.7,) * 3
    assert found["window_frequency"].absent or len(found["window_frequency"].samples) == 3
    assert reading.setting["timed_max_seconds"] == 1.0
    assert reading.setting["windows"] == 3
    assert reading.conditions["verdict"] == "ok"
