"""The Wasm lane in Chrome on a phone: every variant proved, memory by meminfo, faults stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from adb_parts import ends
from chrome_parts import left, needed_chrome
from web_parts import QUICK, floats, run, tiny_model, web_session

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetError, TargetLost, TargetNotFound
from harness.model import Failed, Measured, Reading
from harness.options import Sampling
from harness.phone_care.keys import Conditions
from harness.plugins import ModelFile, Recoverable, TargetSpec
from harness.tools.android_device import app_seconds
from harness.transports.cdp import PhoneChrome
from harness.transports.virtual_setup import CableCut, Moment
from harness.web_lane import transports
from harness.web_lane.session import RecoverableWebSession, WebSession

pytestmark = [pytest.mark.adb, pytest.mark.browser]

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"wasm": "plain"},
    "simd": {"wasm": "simd"},
    "threads": {"wasm": "threaded-simd", "threads": 2},
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    needed_chrome()
    folder = tmp_path_factory.mktemp("lane")
    with web_session(folder, browser="chrome-android", device="virtual") as session:
        yield session


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return tiny_model(tmp_path_factory.mktemp("model"))


def chrome(session: WebSession) -> PhoneChrome:
    assert isinstance(session._transport, PhoneChrome)
    return session._transport


def measured(reading: Reading) -> dict[str, float | None]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {each.metric: each.value for each in reading.outcome.measurements}


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_binary_is_proved_on_the_phone(
    session: WebSession, model: ModelFile, variant: str
) -> None:
    reading = PLUGIN.read(run(session, model, **VARIANTS[variant]))
    assert measured(reading)["latency_mean"] is not None
    assert reading.proof.mismatches() == ()
    assert reading.proof.observed["cross_origin_isolated"] is True
    assert reading.proof.observed["threads"] == VARIANTS[variant].get("threads", 1)
    assert reading.setting["virtual"] is True
    assert reading.setting["device"].startswith("Chromium ")  # type: ignore[union-attr]  # a text
    assert str(reading.setting["device"]).endswith("on virtual device (this host)")
    assert str(reading.subject["browser"]).startswith("chromium ")
    assert reading.outputs is not None
    assert floats(reading.outputs[0].data) == pytest.approx((-7.0, 6.75))
    assert left(chrome(session)) == []


def test_memory_is_what_meminfo_tells_of_the_page(session: WebSession, model: ModelFile) -> None:
    reading = PLUGIN.read(run(session, model, pass_="memory", wasm="simd"))
    found = measured(reading)
    assert set(found) == {"wasm_heap", "tf_num_bytes", "meminfo_pss"}
    assert (found["meminfo_pss"] or 0) > 2**20
    assert str(reading.setting["method"]).endswith("; dumpsys meminfo")


def test_its_phone_is_watched_around_the_measurement(tmp_path: Path, model: ModelFile) -> None:
    watched = Conditions(max_cpu_load=1.0)
    with web_session(
        tmp_path, browser="chrome-android", device="virtual", conditions=watched
    ) as session:
        capture = run(session, model, wasm="simd")
    assert {"conditions-begin.txt", "conditions-end.txt", "cpu.txt"} <= capture.files.keys()
    used_s = app_seconds(capture.text("cpu.txt"))
    assert used_s is not None
    assert used_s > 0
    reading = PLUGIN.read(capture)
    assert measured(reading)["latency_mean"] is not None
    assert "waited_s" in reading.conditions


def test_a_run_that_hangs_is_stored_and_the_next_one_measures(
    session: WebSession, model: ModelFile
) -> None:
    short = Sampling(warmup=QUICK.warmup, timed=QUICK.timed, timeout_s=0.5)
    capture = run(session, model, sampling=short, wasm="simd")
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.kind == "timed-out"
    assert left(chrome(session)) == []
    assert measured(PLUGIN.read(run(session, model, wasm="simd")))["latency_mean"] is not None


def test_a_phone_that_goes_away_is_told_as_lost_and_measures_when_it_is_back(
    tmp_path: Path, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Opening it asks once and speaks to the browser; the third stream after those is the page's.
    at = Moment(
        "localabstract:chrome_devtools_remote", nth=5, said="Runtime.executionContextCreated"
    )
    setup = replace(needed_chrome(), faults=(CableCut(at, back_after_s=0.2),))
    monkeypatch.setattr(transports, "chrome_of_this_host", lambda: setup)
    with web_session(tmp_path, browser="chrome-android", device="virtual") as session:
        with pytest.raises(TargetLost):
            run(session, model, wasm="simd")
        assert isinstance(session, RecoverableWebSession)
        assert ends(lambda: _recovered(session))
        reading = PLUGIN.read(run(session, model, wasm="simd"))
        assert measured(reading)["latency_mean"] is not None
        assert left(chrome(session)) == []


def _recovered(session: RecoverableWebSession) -> bool:
    try:
        session.recover()
    except TargetError:
        return False
    return True


def test_its_phone_can_come_back_which_a_browser_of_this_host_cannot(session: WebSession) -> None:
    assert isinstance(session, Recoverable)
    assert session.recover() == ""
    assert not issubclass(WebSession, Recoverable)


def test_the_reference_is_computed_on_the_phone_too(session: WebSession, model: ModelFile) -> None:
    from web_parts import INPUT, tensor

    (answer,) = session.reference(model, [(tensor("x", INPUT),)])
    assert floats(answer[0].data) == pytest.approx((-7.0, 6.75))


def test_a_chrome_that_is_not_there_skips_the_target(tmp_path: Path) -> None:
    needed_chrome()
    options = PLUGIN.target_options(
        browser="chrome-android", device="virtual", package="com.chrome.beta"
    )
    with pytest.raises(TargetNotFound, match="not installed"):
        PLUGIN.open(TargetSpec("web", options, {}, tmp_path))
