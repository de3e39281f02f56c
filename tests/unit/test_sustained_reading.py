"""A sustained run is read as a series of whole windows, or it has no numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.android_tflite.sustained import (
    read_sustained,
    split_windows,
    windows_of,
)
from harness.model import Capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
LOGS = FIXTURES / "benchmark_model" / "benchmark_model-2.14.1-debian"
PHONE = FIXTURES / "reconstructed_phone" / "dumpsys"
SAID = (LOGS / "ok_cpu.stdout").read_text()
CORES = """\
core 0 cur=1800000 min=300000 max=1800000 hardware=1800000 governor=schedutil
core 7 cur=2800000 min=300000 max=2800000 hardware=2800000 governor=schedutil
"""


def window(number: int, said: str = SAID, code: int = 0) -> str:
    begun, ended = 100.0 + 61 * number, 160.0 + 61 * number
    return (
        f"EDGEBENCH-WINDOW {number}\n{said}\n"
        f"EDGEBENCH-WINDOW {number} exit={code} from={begun:.2f} to={ended:.2f}\n"
    )


def look(number: int, tenths: int) -> str:
    battery = (PHONE / "battery.txt").read_text().replace("287", str(tenths))
    return (
        f"EDGEBENCH-WINDOW {number}\n== cpu\nstate first\n{CORES}end first\n== battery\n{battery}\n"
        f"== thermalservice\n{(PHONE / 'thermalservice.txt').read_text()}\n"
        "== power\n  mWakefulness=Awake\n== low_power\n0\n== end\n"
    )


def capture(count: int = 3, **files: str) -> Capture:
    samples = [
        f"sample {110.0 + 61 * number:.2f} cpu0=1800000 cpu7={2800000 - number * 100000} .\n"
        for number in range(1, count + 1)
    ]
    usual = {
        "stdout.txt": "".join(window(number) for number in range(1, count + 1)),
        "stderr.txt": "".join(window(number, "") for number in range(1, count + 1)),
        "windows.txt": "".join(look(number, 300 + number) for number in range(count + 1)),
        "samples.txt": "".join(samples),
    }
    texts = usual | {name.replace("_", "."): text for name, text in files.items()}
    return Capture({name: text.encode() for name, text in texts.items()})


@pytest.mark.parametrize(
    ("total_s", "windows"),
    [
        (6.0, (3, 2.0)),
        (60.0, (3, 20.0)),
        (149.0, (3, 149.0 / 3)),
        (180.0, (3, 60.0)),
        (600.0, (10, 60.0)),
    ],
)
def test_a_window_is_a_minute_and_there_are_three_at_least(
    total_s: float, windows: tuple[int, float]
) -> None:
    assert windows_of(total_s) == windows


def test_each_window_gives_a_mean_a_temperature_and_a_clock() -> None:
    run = read_sustained(capture(), 180.0, 0)
    found = {measurement.metric: measurement for measurement in run.measurements}
    mean_s = run.said.numbers.timed.mean_s if run.said.numbers else None
    assert mean_s
    assert found["window_latency_mean"].samples == (mean_s,) * 3
    assert found["window_battery_temperature"].samples == (30.1, 30.2, 30.3)
    assert found["window_skin_temperature"].samples == (30.1,) * 3
    assert found["window_frequency"].samples == (2.7e9, 2.6e9, 2.5e9)
    assert run.facts["tool_share"] == round(180 / 182, 4)


def test_what_is_not_known_in_every_window_is_no_series() -> None:
    text = capture().text("windows.txt").replace("temperature: 302", "temperature: hot")
    run = read_sustained(capture(windows_txt=text, samples_txt=""), 180.0, 0)
    found = {measurement.metric: measurement for measurement in run.measurements}
    assert found["window_battery_temperature"].samples == ()
    assert "only after 2 of 3 windows" in found["window_battery_temperature"].absent
    assert found["window_frequency"].absent == "not sampled"


@pytest.mark.parametrize(
    ("said", "exit_code"),
    [
        (window(1) + window(2), 0),
        (window(1) + window(2) + window(3), None),
        (window(1) + window(2) + window(3), 1),
        (window(1) + window(2) + window(3, "Segmentation fault", 139), 139),
        (window(1) + window(2, "") + window(3), 0),
        (window(1) + window(2) + "EDGEBENCH-WINDOW 3\n" + SAID, None),
        ("", 0),
    ],
)
def test_a_run_that_is_not_whole_has_no_numbers(said: str, exit_code: int | None) -> None:
    run = read_sustained(capture(stdout_txt=said), 180.0, exit_code)
    assert run.said.numbers is None
    assert run.said.failure is not None
    assert run.measurements == ()


def test_windows_that_did_not_run_the_same_have_no_numbers() -> None:
    other = SAID.replace("Num threads: [2]", "Num threads: [4]").replace(
        "#threads used for CPU inference: [2]", "#threads used for CPU inference: [4]"
    )
    assert other != SAID
    run = read_sustained(capture(stdout_txt=window(1) + window(2, other) + window(3)), 180.0, 0)
    assert run.said.failure is not None
    assert run.said.failure.kind == "variant-mismatch"


@settings(deadline=None)
@given(st.data())
def test_a_cut_never_gives_numbers(data: st.DataObject) -> None:
    text = capture().text("stdout.txt")
    cut = text[: data.draw(st.integers(0, len(text) - 2))]
    run = read_sustained(capture(stdout_txt=cut), 180.0, 0)
    assert run.said.numbers is None


@settings(deadline=None)
@given(st.lists(st.sampled_from([*window(1).splitlines(), "x", "EDGEBENCH-WINDOW 9"])))
def test_any_order_of_lines_is_split_without_an_error(lines: list[str]) -> None:
    text = "\n".join(lines)
    said = json.dumps([part.number for part in split_windows(text, text)])
    assert said.startswith("[")


def test_a_newline_is_not_lost_between_windows() -> None:
    parts: Any = split_windows(window(1) + window(2), "")
    assert [part.stdout.strip("\n") for part in parts] == [SAID.strip("\n")] * 2
