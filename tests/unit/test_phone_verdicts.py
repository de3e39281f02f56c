"""Which conditions make which verdict: a table, and what must hold of all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.phone_care.keys import Conditions
from harness.phone_care.rules import (
    Verdict,
    Watched,
    found_before,
    judge,
)
from harness.tools.android_device import Battery, CpuCore, CpuState, PhoneConditions, Thermal

RULES = Conditions()
LOCKED = Conditions(lock_clocks=True)
FREE = CpuCore(7, 2.0e9, 0.3e9, 2.8e9, 2.8e9, "schedutil")


def phone(
    status: int | None = 0,
    celsius: float | None = 30.0,
    percent: float | None = 80.0,
    core: CpuCore | None = FREE,
    **more: Any,
) -> PhoneConditions:
    cpu = None if core is None else CpuState("first", cores=(core,))
    return PhoneConditions(
        Battery(percent, celsius, True), Thermal(status, 31.0, 40.0), cpu=cpu, **more
    )


CALM = phone(awake=True, battery_saver=False, load=0.05)
PINNED = replace(FREE, low_hz=1.6e9, high_hz=1.6e9)
CAPPED = replace(FREE, high_hz=1.8e9)

CASES = [
    # what was seen, the rules, the verdict, a part of its reason
    (Watched(CALM, CALM, 0.05), RULES, "ok", ""),
    (Watched(CALM, CALM), RULES, "ok", "not known: others' CPU"),
    (Watched(phone(None), phone(None), 0.05), RULES, "ok", "not known: thermal status"),
    (Watched(phone(celsius=None), CALM, 0.05), RULES, "ok", "not known: battery temperature"),
    (Watched(PhoneConditions(), PhoneConditions(), 0.05), RULES, None, "neither thermal status"),
    (Watched(CALM, PhoneConditions(), 0.05), RULES, None, "neither thermal status"),
    (Watched(CALM, phone(1), 0.05), RULES, "throttled", "thermal status 1 (light) at the end"),
    (Watched(phone(2), CALM, 0.05), RULES, "throttled", "thermal status 2 (moderate) at the begin"),
    (Watched(CALM, phone(2), 0.05), Conditions(max_thermal_status=2), "ok", ""),
    (Watched(CALM, phone(3), 0.05), RULES, "invalid", "thermal status 3 (severe) at the end"),
    (Watched(CALM, phone(4), 0.05), Conditions(max_thermal_status=4), "ok", ""),
    (Watched(CALM, phone(core=CAPPED), 0.05), RULES, "throttled", "core 7 was held at 1.8 of 2.8"),
    (
        Watched(CALM, phone(core=replace(FREE, high_hz=2.75e9)), 0.05),
        RULES,
        "throttled",
        "the highest clock of core 7 fell",
    ),
    (Watched(phone(core=None), phone(core=None), 0.05), RULES, "ok", ""),
    (Watched(phone(core=PINNED), phone(core=PINNED), 0.05), LOCKED, "ok", ""),
    (
        Watched(phone(core=PINNED), phone(core=FREE), 0.05),
        LOCKED,
        "invalid",
        "clocks of core 7 were not locked at the end",
    ),
    (Watched(phone(core=None), phone(core=None), 0.05), LOCKED, "invalid", "cannot be read"),
    (Watched(CALM, phone(battery_saver=True), 0.05), RULES, "throttled", "battery saver"),
    (Watched(CALM, phone(awake=False), 0.05), RULES, "invalid", "screen was off at the end"),
    (Watched(CALM, phone(celsius=40.0), 0.05), RULES, "ok", ""),
    (Watched(CALM, phone(celsius=40.1), 0.05), RULES, "noisy", "40.1 °C at the end, above 40"),
    (Watched(phone(percent=19), CALM, 0.05), RULES, "noisy", "19 % at the begin, below 20"),
    (Watched(CALM, CALM, 0.26), RULES, "noisy", "others took 26 % of the CPU during the run"),
    (Watched(phone(load=0.6), CALM, 0.05), RULES, "noisy", "just before the run"),
    (Watched(CALM, phone(3, core=CAPPED), 0.9), RULES, "invalid", "severe"),
    (Watched(CALM, phone(1), 0.9), RULES, "throttled", "light"),
]


@pytest.mark.parametrize(("watched", "rules", "word", "reason"), CASES)
def test_verdicts(watched: Watched, rules: Conditions, word: str | None, reason: str) -> None:
    verdict = judge(watched, rules)
    assert verdict.word == word
    assert reason in verdict.reason
    assert bool(verdict.reason) or verdict == Verdict("ok")


def test_heat_is_the_result_of_a_sustained_run_and_not_its_fault() -> None:
    watched = Watched(CALM, phone(3), 0.05, between=(phone(1), phone(4)))
    verdict = judge(watched, RULES, heat_is_measured=True)
    assert verdict.word == "throttled"
    assert "critical" in verdict.reason


@pytest.mark.parametrize(
    ("seen", "passes"),
    [
        (CALM, None),
        (phone(1), True),
        (phone(celsius=45.0), True),
        (phone(load=0.9), True),
        (phone(percent=3), False),
        (phone(battery_saver=True), False),
        (phone(awake=False), False),
        (PhoneConditions(), None),
    ],
)
def test_only_what_passes_is_waited_for(seen: PhoneConditions, passes: bool | None) -> None:
    found = found_before(seen, RULES)
    assert [finding.passes for finding in found] == ([] if passes is None else [passes])


CONDITIONS = st.builds(
    phone,
    status=st.none() | st.integers(0, 6),
    celsius=st.none() | st.floats(-10, 60),
    percent=st.none() | st.floats(0, 100),
    core=st.none() | st.sampled_from([FREE, PINNED, CAPPED]),
    awake=st.none() | st.booleans(),
    battery_saver=st.none() | st.booleans(),
    load=st.none() | st.floats(0, 1),
)
ORDER = {None: 0, "ok": 0, "noisy": 1, "throttled": 2, "invalid": 3}


@settings(deadline=None)
@given(CONDITIONS, CONDITIONS, st.none() | st.floats(0, 1), st.booleans())
def test_a_phone_that_tells_more_never_looks_better_for_it(
    begin: PhoneConditions, end: PhoneConditions, others: float | None, lock: bool
) -> None:
    rules = Conditions(lock_clocks=lock)
    told = judge(Watched(begin, end, others), rules)
    assert told.word in {None, "ok"} or told.reason
    if not lock:
        hidden = judge(Watched(replace(begin, thermal=Thermal()), end, None), rules)
        assert ORDER[hidden.word] <= ORDER[told.word]


@settings(deadline=None)
@given(CONDITIONS)
def test_what_the_gate_lets_pass_is_not_invalid_at_its_begin(seen: PhoneConditions) -> None:
    if not found_before(seen, RULES):
        assert judge(Watched(seen, seen, 0.0), RULES).word in {None, "ok", "throttled"}
