"""A run whose clocks jumped has no number; a slow connection is no jump."""

from __future__ import annotations

import pytest

from harness.drivers.android_tflite.clocks import clock_failure


def markers(
    begun: str, ended: str, clock_begun: str = "", clock_ended: str = ""
) -> dict[str, dict[str, str]]:
    return {
        "BEGIN": {"uptime": begun, "clock": clock_begun},
        "END": {"uptime": ended, "clock": clock_ended},
    }


@pytest.mark.parametrize(
    ("seen", "host_s", "words"),
    [
        (markers("100.00", "40.00"), 5.0, "went back by 60.0 s"),
        (markers("100.00", "160.00"), 5.0, "60.0 s passed on the device"),
        (markers("100.00", "103.00"), 50.0, "only 3.0 s passed"),
        (markers("100.00", "105.00", "1000", "4605"), 5.1, "set forward by 3600.0 s"),
        (markers("100.00", "105.00", "1000.5", "905.5"), 5.1, "set back by 100.0 s"),
    ],
)
def test_a_jump_is_named(seen: dict[str, dict[str, str]], host_s: float, words: str) -> None:
    failure = clock_failure(seen, host_s)
    assert failure is not None
    assert failure.kind == "clock-jump"
    assert words in failure.message
    assert failure.hint


@pytest.mark.parametrize(
    ("seen", "host_s"),
    [
        (markers("100.00", "105.00"), 5.1),
        (markers("100.00", "105.00"), 20.0),  # a slow way back
        (markers("100.00", "700.00"), 603.0),
        (markers("100.00", "105.00", "1000", "1006"), 5.1),  # whole seconds
        (markers("100.00", "700.00", "1000", "1598"), 603.0),
        (markers("", ""), 5.0),
        (markers("100.00", ""), 5.0),
        ({"BEGIN": {"uptime": "100.00", "clock": "1000"}}, 5.0),
        ({}, 5.0),
    ],
)
def test_what_the_way_over_adb_explains_is_none_and_what_nobody_knows_neither(
    seen: dict[str, dict[str, str]], host_s: float
) -> None:
    assert clock_failure(seen, host_s) is None
