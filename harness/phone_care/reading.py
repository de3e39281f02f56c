"""From a run's capture to its conditions and its verdict; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.model import Capture, Failed, Failure, Measured, Scalar
from harness.phone_care.keys import Conditions
from harness.phone_care.rules import Verdict, Watched, judge
from harness.tools.android_device import (
    CpuCore,
    CpuState,
    PhoneConditions,
    app_seconds,
    busy_share,
    children_seconds,
    mean_frequencies,
    read_conditions,
    read_cpu_states,
)

BEGIN, END, CPU = "conditions-begin.txt", "conditions-end.txt", "cpu.txt"
"""Files of a capture: the looks before and after the run, and run.sh's watch around the tool."""

_REFUSED_HINT = (
    "let the phone cool, charge or come to rest; or raise the limit, or `wait_s`, in this "
    "target's `conditions:`"
)
_INVALID_HINT = "look at the conditions in raw/, put the phone right, and measure again"


@dataclass(frozen=True, slots=True)
class RunConditions:
    """The conditions of a run as facts, its verdict, and why it was not made, if so.

    `setting` are those that make two runs incomparable: locked clocks are another machine.
    """

    facts: Mapping[str, Scalar]
    verdict: Verdict
    refused: str = ""
    setting: Mapping[str, Scalar] = field(default_factory=dict)

    def outcome(self, outcome: Measured | Failed) -> Measured | Failed:
        """Return the outcome that may be published: no numbers from an invalid run."""
        if self.refused:
            return Failed(Failure("conditions-refused", self.refused, _REFUSED_HINT))
        if self.verdict.word == "invalid" and isinstance(outcome, Measured):
            return Failed(Failure("conditions-invalid", self.verdict.reason, _INVALID_HINT))
        return outcome


def read_run_conditions(
    capture: Capture, record: Mapping[str, Any], between: tuple[PhoneConditions, ...] = ()
) -> RunConditions:
    """Read what was kept of a run's conditions; empty where nobody watched.

    Raises:
        KeyError, TypeError, ValueError: `record` is not what the harness writes.
    """
    kept = record.get("conditions")
    if kept is None:
        return RunConditions({}, Verdict(None))
    rules = Conditions.model_validate(kept["rules"])
    states = {state.name: state for state in read_cpu_states(capture.text(CPU))}
    begin, end = read_conditions(capture.text(BEGIN)), read_conditions(capture.text(END))
    others = _others(states, capture)
    facts: dict[str, Scalar] = {"waited_s": float(kept["waited_s"])}
    facts |= _moment(begin, "begin") | _moment(end, "end") | _clocks(states, begin)
    if not record["device"]["virtual"]:
        # The processes of a virtual device are this host's, which a probe watches better.
        facts["others_cpu_share"] = None if others is None else round(others, 4)
    setting: dict[str, Scalar] = {"clocks": "locked"} if rules.lock_clocks else {}
    if kept["refused"]:
        refused = "; ".join(map(str, kept["found"]))
        return RunConditions(facts, Verdict(None), refused, setting)
    watched = Watched(begin, end, others, between)
    verdict = judge(watched, rules, heat_is_measured=record["pass"] == "sustained")
    if verdict.word is not None:
        facts["verdict"] = verdict.word
    facts["verdict_reason"] = verdict.reason or None
    return RunConditions(facts, verdict, setting=setting)


def fastest_core(cores: tuple[CpuCore, ...]) -> int | None:
    """Return the first of the cores with the highest clock, which stands for all in a table."""
    known = [(-core.hardware_hz, core.number) for core in cores if core.hardware_hz]
    return min(known)[1] if known else None


def _others(states: Mapping[str, CpuState], capture: Capture) -> float | None:
    if "before" not in states or "after" not in states:
        return None
    said = capture.text(CPU)
    own_s = children_seconds(said) if "children" in said else app_seconds(said)
    return busy_share(states["before"], states["after"], own_s=own_s)


def _moment(seen: PhoneConditions, when: str) -> dict[str, Scalar]:
    return {
        f"thermal_status_{when}": seen.thermal.status,
        f"battery_c_{when}": seen.battery.celsius,
        f"battery_percent_{when}": seen.battery.percent,
        f"skin_c_{when}": seen.thermal.skin_c,
        f"cpu_c_{when}": seen.thermal.cpu_c,
    }


def _clocks(states: Mapping[str, CpuState], begin: PhoneConditions) -> dict[str, Scalar]:
    """Return the clocks of the fastest core just before and after the tool, and their mean."""
    number = fastest_core(begin.cpu.cores if begin.cpu else ())
    now = {
        name: core.current_hz
        for name, state in states.items()
        for core in state.cores
        if core.number == number
    }
    means = (
        mean_frequencies(states["before"], states["after"])
        if {"before", "after"} <= states.keys()
        else {}
    )
    return {
        "frequency_core": number,
        "frequency_hz_begin": now.get("before"),
        "frequency_hz_end": now.get("after"),
        "frequency_hz_mean": None if number is None else means.get(number),
    }
