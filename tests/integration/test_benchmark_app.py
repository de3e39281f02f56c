"""`context: apk`: the benchmark app in the foreground, its log read by process.

`am`, `pm`, `pidof`, `logcat` and the app are reconstructed: no phone was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import ends, gone, needed_adb
from android_parts import model_file, request

from harness.drivers.android_tflite.options import TargetOptions, VariantOptions
from harness.errors import RunFailed, TargetUnfit
from harness.model import Failed, Measured, Reading
from harness.paired_runs import SAME_FOR_A_RATIO
from harness.phone_care.keys import Conditions
from harness.plugins import ModelFile, Session, TargetSpec, driver
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.transports.virtual_setup import VirtualSetup

LANE = driver("android-tflite")
APP = Path(__file__).parents[1] / "fixtures" / "reconstructed_app" / "bin"
RULES = Conditions(wait_s=0.0, max_cpu_load=1.0)


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualDeviceHandle]:
    folder = tmp_path_factory.mktemp("phone")
    setup = VirtualSetup(programs=APP)
    with start_virtual_device(folder, adb=needed_adb(), setup=setup) as handle:
        yield handle


def opened(phone: VirtualDeviceHandle, folder: Path) -> Session:
    options = TargetOptions(device=phone.serial, context="apk", conditions=RULES)
    return LANE.open(TargetSpec("phone", options, {}, folder))


@pytest.fixture
def session(
    phone: VirtualDeviceHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(phone.adb_port))
    (phone.sandbox / "system" / "base.apk").write_text("an app")
    (phone.sandbox / "system" / "log.txt").unlink(missing_ok=True)
    one = opened(phone, tmp_path)
    yield one
    one.close()


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return model_file(tmp_path, b"a model that nobody reads")


def values(reading: Reading) -> dict[str, float]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements if m.value is not None}


def test_the_apps_times_are_those_of_its_own_process(session: Session, model: ModelFile) -> None:
    reading = LANE.read(session.execute(request(model, threads=2)))
    found = values(reading)
    assert found["latency_mean"] == 0.008
    assert found["init"] == 0.005
    # Another process logged 99 threads under the same tag meanwhile.
    assert reading.proof.observed["threads"] == 2
    assert not reading.proof.mismatches()
    assert reading.setting["context"] == "apk"
    assert reading.subject["tool"] == "org.tensorflow.lite.benchmark"
    assert "may write no file" in reading.outputs_absent


def test_shell_and_app_are_never_compared() -> None:
    assert "context" in SAME_FOR_A_RATIO


def test_memory_is_what_the_app_says_never_a_shells(session: Session, model: ModelFile) -> None:
    found = values(LANE.read(session.execute(request(model, pass_="memory"))))
    assert found == {
        "tool_footprint": 6 * 2**20,
        "tool_footprint_init": 2 * 2**20,
        "peak_rss": 9 * 2**20,
    }


@pytest.mark.parametrize("threads", [3, 4])
def test_an_app_that_says_no_timings_has_failed(
    session: Session, model: ModelFile, threads: int
) -> None:
    try:
        outcome = LANE.read(session.execute(request(model, threads=threads))).outcome
    except Exception as error:  # noqa: BLE001  any refusal but a number is right
        assert getattr(error, "kind", "") == "not-in-the-log"
    else:
        assert isinstance(outcome, Failed)


def test_nothing_runs_on_afterwards(
    session: Session, model: ModelFile, phone: VirtualDeviceHandle
) -> None:
    capture = session.execute(request(model))
    assert ends(lambda: gone(int(capture.text("app_pid.txt"))))
    assert not (phone.sandbox / "system" / "app.pid").exists()


def test_a_flag_that_the_app_would_split_is_refused(session: Session, model: ModelFile) -> None:
    with pytest.raises(RunFailed, match="splits its flags at blanks"):
        session.execute(request(model, flags={"benchmark_name": "two words"}))


def test_a_phone_without_the_app_says_how_to_get_it(
    phone: VirtualDeviceHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(phone.adb_port))
    (phone.sandbox / "system" / "base.apk").unlink(missing_ok=True)
    with pytest.raises(TargetUnfit) as refusal:
        opened(phone, tmp_path)
    assert refusal.value.kind == "app-missing"
    assert "adb install" in refusal.value.hint


def test_what_the_app_cannot_do_is_known_before() -> None:
    app = TargetOptions(device="R58M123ABC", context="apk")
    assert LANE.unsupported(app, VariantOptions()) == ""
    assert "cores" in LANE.unsupported(app, VariantOptions(cores=1))
    assert "tool" in LANE.unsupported(app, VariantOptions(tool="t"))
    virtual = TargetOptions(device="virtual", context="apk")
    assert "virtual" in LANE.unsupported(virtual, VariantOptions())
