"""What a device says about itself is read right, or not known: never wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tools.android_device import (
    Battery,
    MemorySamples,
    Thermal,
    busy_share,
    children_seconds,
    mean_frequencies,
    read_battery,
    read_conditions,
    read_cpu_states,
    read_device_info,
    read_memory_samples,
    read_samples,
    read_thermal,
)

PHONE = Path(__file__).parents[1] / "fixtures" / "reconstructed_phone"
STATES = """\
state before
uptime 100.10
stat cpu  1000 0 500 8000 500 0 0 0 0 0
core 0 cur=1200000 min=300000 max=1800000 hardware=1800000 governor=schedutil
core 7 cur=<unknown> min= max=2400000 hardware=2800000 governor=
spent 0 300000=10 1800000=10
end before
state after
uptime 101.10
stat cpu  1060 0 520 8100 500 10 10 0 40 0
core 0 cur=1800000 min=300000 max=1800000 hardware=1800000 governor=schedutil
spent 0 300000=20 1800000=40
end after
children
0m00.10s 0m00.20s
1m02.50s 0m00.50s
end children
"""
SAMPLES = """\
sample 10.00 pss=1000 rss=2000 swap=0 cpu0=1800000 .
sample 10.50 pss=3000 rss=3500 swap=10 cpu0=1700000 .
sample 11.00 cpu0=1600000 .
"""


def told(name: str) -> str:
    return (PHONE / name).read_text()


def conditions() -> str:
    first = STATES.replace("state after", "state second").replace("end after", "end second")
    states = first.partition("children")[0]
    return (
        f"== cpu\n{states}== battery\n{told('dumpsys/battery.txt')}\n== thermalservice\n"
        f"{told('dumpsys/thermalservice.txt')}\n== power\n  mWakefulness=Awake\n"
        "== low_power\n0\n== end\n"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dumpsys/battery.txt", Battery(81.0, 28.7, True)),
        ("readings/battery_with_log.txt", Battery(84.0, -1.2, False)),
        ("readings/battery_set_by_hand.txt", Battery()),
    ],
)
def test_batteries(name: str, expected: Battery) -> None:
    assert read_battery(told(name)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dumpsys/thermalservice.txt", Thermal(0, 30.1, 35.600002)),
        ("readings/thermalservice_types_in_names.txt", Thermal(2, 44.3, 52.0)),
        ("readings/thermalservice_without_hal.txt", Thermal()),
        ("readings/thermalservice_overridden.txt", Thermal(None, 29.0, None)),
    ],
)
def test_heat(name: str, expected: Thermal) -> None:
    assert read_thermal(told(name)) == expected


def test_a_service_that_is_not_there_tells_nothing() -> None:
    for said in ("", "Can't find service: battery\n", "Permission Denial: can't dump\n"):
        assert read_battery(said) == Battery()
        assert read_thermal(said) == Thermal()


def test_the_states_of_the_cpus_and_what_two_of_them_tell() -> None:
    before, after = read_cpu_states(STATES)
    assert before.uptime_s == 100.1
    assert before.cores[0].current_hz == 1.2e9
    assert (before.cores[1].number, before.cores[1].current_hz) == (7, None)
    assert before.cores[1].low_hz is None
    # 200 ticks passed on all cores, 100 of them idle; guests are counted among users already.
    assert busy_share(before, after) == 0.5
    assert busy_share(before, after, own_s=0.5) == 0.25
    assert busy_share(before, after, own_s=9) == 0
    assert busy_share(before, after, own_s=None) is None
    assert mean_frequencies(before, after) == {0: (10 * 300e6 + 30 * 1800e6) / 40}
    assert children_seconds(STATES) == 63.0


def test_clocks_that_run_backwards_are_not_known() -> None:
    before, after = read_cpu_states(STATES)
    assert busy_share(after, before) is None
    assert busy_share(before, before) is None
    assert mean_frequencies(after, before) == {}


def test_samples_give_peaks() -> None:
    assert read_memory_samples(SAMPLES) == MemorySamples(2, 3000 << 10, 3500 << 10, 10 << 10)
    assert [sample.frequencies_hz[0] for sample in read_samples(SAMPLES)] == [1.8e9, 1.7e9, 1.6e9]
    assert read_memory_samples("") == MemorySamples()


def test_conditions_hold_all_of_it() -> None:
    seen = read_conditions(conditions())
    assert (seen.load, seen.awake, seen.battery_saver) == (0.5, True, False)
    assert (seen.battery, seen.thermal) == (Battery(81.0, 28.7, True), Thermal(0, 30.1, 35.600002))


@pytest.mark.parametrize(
    ("said", "awake"),
    [("Asleep", False), ("Dozing", False), ("Dreaming", False), ("1", None), ("", None)],
)
def test_a_screen_that_is_off_is_seen(said: str, awake: bool | None) -> None:
    text = conditions().replace("mWakefulness=Awake", f"mWakefulness={said}")
    assert read_conditions(text).awake is awake


def test_a_device_is_read() -> None:
    text = (
        "fingerprint=a/b/c:14/X/1:user/release-keys\nmodel=A phone\nsoc=SM8650\nandroid=14\n"
        "sdk=34\nabi=arm64-v8a\nmemory_kb=7890000\nboot_id=x-y\nuser=2000\nsu=no\n"
    )
    info = read_device_info(text + conditions())
    assert (info.model, info.sdk, info.memory_bytes) == ("A phone", 34, 7890000 * 1024)
    assert (info.is_root, info.can_su, info.conditions.battery.percent) == (False, False, 81.0)


def lies(whole: Any, seen: Any) -> list[Any]:
    """Return every value of a reading that is neither that of the whole text nor unknown."""
    if isinstance(whole, tuple):
        return [part for part in seen if part not in whole]
    if isinstance(whole, dict):
        return [key for key in seen if seen[key] != whole.get(key)]
    if hasattr(whole, "__dataclass_fields__") and seen is not None:
        fields = whole.__dataclass_fields__
        return [lie for name in fields for lie in lies(getattr(whole, name), getattr(seen, name))]
    return [] if seen in (whole, None) else [seen]


READERS: list[tuple[Callable[[str], Any], str]] = [
    (read_battery, told("dumpsys/battery.txt")),
    (read_battery, told("readings/battery_with_log.txt")),
    (read_thermal, told("dumpsys/thermalservice.txt")),
    (read_thermal, told("readings/thermalservice_types_in_names.txt")),
    (lambda text: read_conditions(text).battery, conditions()),
    (lambda text: read_conditions(text).thermal, conditions()),
    (lambda text: read_conditions(text).awake, conditions()),
    (lambda text: read_conditions(text).battery_saver, conditions()),
    (children_seconds, STATES),
]
FOREIGN = ("WARNING: linker: x\n", "\n", "  level: 7\n", "Thermal Status: 3\n", "\0\n")


@settings(deadline=None)
@given(st.data())
def test_an_answer_that_was_cut_off_gives_right_values_or_none(data: st.DataObject) -> None:
    reader, text = data.draw(st.sampled_from(READERS))
    assert lies(reader(text), reader(text[: data.draw(st.integers(0, len(text)))])) == []


@settings(deadline=None)
@given(st.data())
def test_an_answer_with_a_line_too_many_gives_right_values_or_none(data: st.DataObject) -> None:
    reader, text = data.draw(st.sampled_from(READERS))
    lines = text.splitlines(keepends=True)
    foreign = data.draw(st.sampled_from(FOREIGN) | st.sampled_from(lines))
    at = data.draw(st.integers(0, len(lines)))
    assert lies(reader(text), reader("".join([*lines[:at], foreign, *lines[at:]]))) == []


@settings(deadline=None)
@given(st.data())
def test_a_state_with_a_line_too_many_holds_nothing_but_right_values(data: st.DataObject) -> None:
    whole = {state.name: state for state in read_cpu_states(STATES)}
    lines = [
        line for line in STATES.splitlines(keepends=True) if line[:5] not in {"state", "end b"}
    ]
    foreign = data.draw(st.sampled_from([*FOREIGN, *(line for line in lines if line[:3] != "end")]))
    all_lines = STATES.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(all_lines)))
    for state in read_cpu_states("".join([*all_lines[:at], foreign, *all_lines[at:]])):
        strange = [core for core in state.cores if core not in whole[state.name].cores]
        # Of a core that the state itself does not tell of, a foreign line may be all there is.
        assert all(
            core.number not in {c.number for c in whole[state.name].cores} for core in strange
        )
        assert state.total_s in (whole[state.name].total_s, None)
        assert state.uptime_s in (whole[state.name].uptime_s, None)


@settings(deadline=None)
@given(st.sampled_from(READERS))
def test_carriage_returns_change_nothing(case: tuple[Callable[[str], Any], str]) -> None:
    reader, text = case
    assert reader(text.replace("\n", "\r\n")) == reader(text)


@settings(deadline=None)
@given(st.integers(0, len(SAMPLES)))
def test_samples_that_were_cut_off_are_a_beginning_of_them(at: int) -> None:
    whole, seen = read_samples(SAMPLES), read_samples(SAMPLES[:at])
    assert seen == whole[: len(seen)]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for reader in (
        read_battery, read_thermal, read_conditions, read_device_info, read_cpu_states,
        read_samples, read_memory_samples, children_seconds,
    ):  # fmt: skip
        reader(text)
