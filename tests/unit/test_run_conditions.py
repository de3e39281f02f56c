"""From what a phone said around a run to the conditions of that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.model import Capture, Failed, Measured
from harness.phone_care.keys import Conditions
from harness.phone_care.reading import read_run_conditions

PHONE = Path(__file__).parents[1] / "fixtures" / "reconstructed_phone" / "dumpsys"
CORE = "core 7 cur={cur} min=300000 max=2800000 hardware=2800000 governor=schedutil\n"
WATCH = f"""\
state before
stat cpu  1000 0 500 8000 500 0 0 0 0 0
{CORE.format(cur=1200000)}spent 7 300000=10 2800000=10
end before
state after
stat cpu  1060 0 540 8100 500 0 0 0 0 0
{CORE.format(cur=2800000)}spent 7 300000=20 2800000=40
end after
children
0m00.10s 0m00.20s
0m00.60s 0m00.20s
end children
"""


def look() -> str:
    cores = f"state first\n{CORE.format(cur=1200000)}end first\n"
    battery, thermal = (
        (PHONE / f"{name}.txt").read_text() for name in ("battery", "thermalservice")
    )
    return (
        f"== cpu\n{cores}== battery\n{battery}\n== thermalservice\n{thermal}\n"
        "== power\n  mWakefulness=Awake\n== low_power\n0\n== end\n"
    )


def record(*, virtual: bool = False, refused: bool = False, **rules: Any) -> dict[str, Any]:
    return {
        "pass": "latency",
        "device": {"virtual": virtual},
        "conditions": {
            "rules": Conditions(**rules).model_dump(mode="json"),
            "waited_s": 1.5,
            "refused": refused,
            "found": ["the battery is low"] if refused else [],
        },
    }


CAPTURE = Capture(
    {
        "conditions-begin.txt": look().encode(),
        "conditions-end.txt": look().encode(),
        "cpu.txt": WATCH.encode(),
    }
)


def test_a_phone_tells_its_clocks_and_what_others_took() -> None:
    read = read_run_conditions(CAPTURE, record())
    assert read.verdict.word == "ok"
    # 100 of 200 hundredths were busy, 80 of them the tool's own.
    assert read.facts["others_cpu_share"] == 0.1
    assert read.facts["frequency_core"] == 7
    assert read.facts["frequency_hz_begin"] == 1.2e9
    assert read.facts["frequency_hz_end"] == 2.8e9
    assert read.facts["frequency_hz_mean"] == 0.25 * 300e6 + 0.75 * 2800e6
    assert read.setting == {}


def test_what_an_app_used_is_not_others() -> None:
    lines = [line for line in WATCH.splitlines() if "0m0" not in line and "children" not in line]
    watch = "\n".join(["app before 1000", *lines, "app after 1070", ""])
    files = {**CAPTURE.files, "cpu.txt": watch.encode()}
    assert read_run_conditions(Capture(files), record()).facts["others_cpu_share"] == 0.15
    for cut in ("app before 1000", "app after 1070"):
        files["cpu.txt"] = watch.replace(cut, cut[:-1] + "x").encode()
        assert read_run_conditions(Capture(files), record()).facts["others_cpu_share"] is None


def test_others_on_a_virtual_device_are_left_to_the_probe_of_its_host() -> None:
    assert "others_cpu_share" not in read_run_conditions(CAPTURE, record(virtual=True)).facts


def test_clocks_that_were_to_be_locked_and_are_free_leave_no_numbers() -> None:
    read = read_run_conditions(CAPTURE, record(lock_clocks=True))
    outcome = read.outcome(Measured(()))
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind == "conditions-invalid"
    assert read.setting == {"clocks": "locked"}


def test_a_refused_run_has_failed_with_what_was_in_its_way() -> None:
    outcome = read_run_conditions(CAPTURE, record(refused=True)).outcome(Measured(()))
    assert isinstance(outcome, Failed)
    assert (outcome.failure.kind, outcome.failure.message) == (
        "conditions-refused",
        "the battery is low",
    )


def test_a_run_that_nobody_watched_has_no_conditions() -> None:
    read = read_run_conditions(CAPTURE, {"pass": "latency"})
    assert read.facts == {}
    assert read.outcome(Measured(())) == Measured(())


@pytest.mark.parametrize("name", ["conditions-begin.txt", "conditions-end.txt", "cpu.txt"])
def test_what_is_missing_is_not_known(name: str) -> None:
    files = {other: data for other, data in CAPTURE.files.items() if other != name}
    read = read_run_conditions(Capture(files), record())
    known = (read.facts["battery_c_begin"], read.facts["battery_c_end"])
    assert known == tuple(
        None if name == f"conditions-{end}.txt" else 28.7 for end in ("begin", "end")
    )
    assert (read.facts["others_cpu_share"] is None) == (name == "cpu.txt")
