"""What conditions mean for a run, by stated thresholds, and never by the times it measured; pure.

A run is `invalid` when its numbers would not be those of the phone that was asked for,
`throttled` when the phone held itself back, `noisy` when something else worked beside it, and
`ok` when none of that was seen and the phone's heat is known at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.phone_care.keys import Conditions
from harness.tools.android_device import STATUS_NAMES, CpuCore, PhoneConditions

Word: TypeAlias = Literal["ok", "noisy", "throttled", "invalid"]

SEVERE = 3
"""The thermal status from which on Android itself cuts whatever it can."""
CAPPED_SHARE = 0.95
"""A core whose upper limit is below this share of its hardware's maximum is held back."""

_WORST_FIRST: tuple[Word, ...] = ("invalid", "throttled", "noisy")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; `passes` if waiting may help."""

    word: Word
    text: str
    passes: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a run's numbers are to be trusted; `word` is None where that is not known."""

    word: Word | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a run: conditions at both ends, and others' share of the CPU meanwhile.

    `between` are looks at the phone while it ran, which only a sustained run has.
    """

    begin: PhoneConditions
    end: PhoneConditions
    others_share: float | None = None
    between: tuple[PhoneConditions, ...] = ()


def found_before(seen: PhoneConditions, rules: Conditions) -> tuple[Finding, ...]:
    """Return what keeps a run from beginning."""
    found = [*_heat(seen, rules, "before the run", heat_is_measured=False)]
    found += _battery(seen, rules, "before the run")
    found += _asleep(seen, "before the run")
    found += _load(seen.load, rules, "just before the run")
    return tuple(found)


def judge(watched: Watched, rules: Conditions, *, heat_is_measured: bool = False) -> Verdict:
    """Return the verdict on a run.

    `heat_is_measured` is for sustained runs, where a phone that grows hot is the result and
    not a fault of it: they are never invalid for heat.
    """
    found = list(_all(watched, rules, heat_is_measured=heat_is_measured))
    for word in _WORST_FIRST:
        texts = [finding.text for finding in found if finding.word == word]
        if texts:
            return Verdict(word, "; ".join(dict.fromkeys(texts)))
    return _undisturbed(watched)


def _all(watched: Watched, rules: Conditions, *, heat_is_measured: bool) -> Iterator[Finding]:
    ends = ((watched.begin, "at the begin"), (watched.end, "at the end"))
    looks = (*ends, *((seen, "meanwhile") for seen in watched.between))
    for seen, when in looks:
        yield from _heat(seen, rules, when, heat_is_measured=heat_is_measured)
        yield from _battery(seen, rules, when)
        yield from _asleep(seen, when)
        if rules.lock_clocks:
            yield from _unlocked(seen, when)
        else:
            yield from _capped(seen, when)
    if not rules.lock_clocks:
        yield from _cut(watched)
    yield from _load(watched.begin.load, rules, "just before the run")
    yield from _load(watched.others_share, rules, "during the run")


def _undisturbed(watched: Watched) -> Verdict:
    unknown = [
        name
        for name, values in (
            ("thermal status", (watched.begin.thermal.status, watched.end.thermal.status)),
            ("battery temperature", (watched.begin.battery.celsius, watched.end.battery.celsius)),
        )
        if None in values
    ]
    if len(unknown) == 2:
        return Verdict(None, "neither thermal status nor battery temperature is known")
    if watched.others_share is None:
        unknown.append("others' CPU")
    return Verdict("ok", f"not known: {', '.join(unknown)}" if unknown else "")


def _heat(
    seen: PhoneConditions, rules: Conditions, when: str, *, heat_is_measured: bool
) -> Iterator[Finding]:
    status = seen.thermal.status
    if status is not None and status > rules.max_thermal_status:
        severe = status >= SEVERE and not heat_is_measured
        text = f"thermal status {status} ({STATUS_NAMES[status]}) {when}"
        yield Finding("invalid" if severe else "throttled", text, passes=True)
    celsius = seen.battery.celsius
    if celsius is not None and celsius > rules.max_battery_c:
        limit = f"{rules.max_battery_c:g}"
        yield Finding("noisy", f"battery at {celsius:g} °C {when}, above {limit}", passes=True)


def _battery(seen: PhoneConditions, rules: Conditions, when: str) -> Iterator[Finding]:
    percent = seen.battery.percent
    if percent is not None and percent < rules.min_battery_percent:
        limit = rules.min_battery_percent
        yield Finding("noisy", f"battery at {percent:.0f} % {when}, below {limit}")
    if seen.battery_saver:
        yield Finding("throttled", f"the battery saver was on {when}")


def _asleep(seen: PhoneConditions, when: str) -> Iterator[Finding]:
    if seen.awake is False:
        yield Finding("invalid", f"the screen was off {when}, and such a phone slows down")


def _load(share: float | None, rules: Conditions, when: str) -> Iterator[Finding]:
    if share is not None and share > rules.max_cpu_load:
        text = f"others took {share:.0%} of the CPU {when}, above {rules.max_cpu_load:.0%}"
        yield Finding("noisy", text.replace("%", " %"), passes=True)


def _unlocked(seen: PhoneConditions, when: str) -> Iterator[Finding]:
    cores = _cores(seen)
    if not cores:
        yield Finding("invalid", f"the clocks were to be locked and cannot be read {when}")
    free = [core.number for core in cores if core.low_hz != core.high_hz]
    if free:
        yield Finding("invalid", f"the clocks of {_named(free)} were not locked {when}")


def _capped(seen: PhoneConditions, when: str) -> Iterator[Finding]:
    for core in _cores(seen):
        if core.high_hz and core.hardware_hz and core.high_hz < CAPPED_SHARE * core.hardware_hz:
            text = (
                f"core {core.number} was held at {core.high_hz / 1e9:.3g} of "
                f"{core.hardware_hz / 1e9:.3g} GHz {when}"
            )
            yield Finding("throttled", text)


def _cut(watched: Watched) -> Iterator[Finding]:
    before = {core.number: core.high_hz for core in _cores(watched.begin)}
    fell = [
        core.number
        for core in _cores(watched.end)
        if core.high_hz and core.high_hz < (before.get(core.number) or 0.0)
    ]
    if fell:
        yield Finding("throttled", f"the highest clock of {_named(fell)} fell during the run")


def _cores(seen: PhoneConditions) -> tuple[CpuCore, ...]:
    return seen.cpu.cores if seen.cpu else ()


def _named(cores: Sequence[int]) -> str:
    return ("core " if len(cores) == 1 else "cores ") + ", ".join(map(str, cores))
