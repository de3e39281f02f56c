"""In what two cells differ: named factors that may, and settings that must not.

A factor is what a comparison can be about. Its facts stand in a run's subject, or, for devices
and systems, in its setting; every other fact of the setting must match, else the times are of two
different measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Literal, TypeAlias, get_args

from harness.errors import CompareError
from harness.model import Facts, Measured, Scalar
from harness.paired_runs import SAME_FOR_A_RATIO
from harness.report.summary import CellSummary

Factor: TypeAlias = Literal["tool", "model", "tfjs", "browser", "os", "device"]
FACTORS: tuple[Factor, ...] = get_args(Factor)

_FACTS: Mapping[Factor, frozenset[str]] = {
    "tool": frozenset({"tool", "tool_sha256", "tool_version", "tool_says_it_is"}),
    "model": frozenset({"model_sha256"}),
    "tfjs": frozenset({"tfjs", "tfjs_sha256", "wasm_sha256"}),
    "browser": frozenset({"browser", "browser_name"}),
    "os": frozenset({"os_build", "os_major", "kernel"}),
    "device": frozenset({"device", "device_hash", "cpu_model"}),
}
Difference: TypeAlias = tuple[str, Scalar, Scalar]
"""A fact, and its value on either side."""


def differences(one: CellSummary, other: CellSummary) -> dict[str, list[Difference]]:
    """Return the facts in which two measured cells differ, by factor; 'setting' is no factor."""
    ours, theirs = _facts(one), _facts(other)
    declared = one.cell.variant != other.cell.variant
    found: dict[str, list[Difference]] = {}
    for fact, a in ours.items():
        b = theirs.get(fact)
        # What is not known on one side is no difference.
        if a == b or a is None or b is None:
            continue
        factor = factor_of(fact, web="browser_name" in ours)
        # The binary and the options of a variant are what two variants are compared for.
        free = fact == "wasm_sha256" or (factor == "setting" and fact not in SAME_FOR_A_RATIO)
        if declared and free:
            continue
        found.setdefault(factor, []).append((fact, a, b))
    return found


@cache
def factor_of(fact: str, *, web: bool) -> str:
    """Return the factor of a fact, 'setting' if it must match."""
    # What a page calls its device is the browser and its version.
    if web and fact == "device":
        return "browser"
    for factor, facts in _FACTS.items():
        if fact in facts:
            return factor
    return "setting"


def check(
    found: Iterable[Mapping[str, Sequence[Difference]]], named: Sequence[str]
) -> Sequence[Factor]:
    """Return the factors that differ, if they may: those that are named, or a single one.

    Raises:
        CompareError: a setting differs, or a factor that was not named.
    """
    factors: dict[str, list[Difference]] = {}
    for differing in found:
        for factor, facts in differing.items():
            factors.setdefault(factor, []).extend(facts)
    if "setting" in factors:
        raise CompareError(
            f"these were measured under different settings: {_told(factors['setting'])}",
            hint="measure both again with one suite; settings are part of what a time means",
        )
    differ = [factor for factor in FACTORS if factor in factors]
    unexpected = [factor for factor in differ if factor not in named] if named else differ
    if len(unexpected) > (0 if named else 1):
        told = "; ".join(f"{factor} ({_told(factors[factor])})" for factor in unexpected)
        raise CompareError(
            f"more than one thing differs: {told}" if not named else f"this differs too: {told}",
            hint="name all that may differ: " + " ".join(f"--factor {factor}" for factor in differ),
        )
    return differ


def _facts(cell: CellSummary) -> Facts:
    runs = chain(cell.latency.runs, cell.memory.runs)
    first = next((run for run in runs if isinstance(run.outcome, Measured)), None)
    if first is None:
        return {}
    subject = {
        fact: value
        for fact, value in first.subject.items()
        if factor_of(fact, web=True) != "setting"
    }
    return {**subject, **first.setting}


def _told(facts: Sequence[Difference]) -> str:
    return ", ".join(f"{fact} {a} / {b}" for fact, a, b in dict.fromkeys(facts))
