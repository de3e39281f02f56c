"""What the tool says about itself: its name, threads, delegates, and flags that it ignored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from harness.tools.benchmark_model import litert_results
from harness.tools.benchmark_model.delegates import with_accelerators, with_delegates
from harness.tools.benchmark_model.reading import ToolFacts, ToolName

_STAND_IN = re.compile(r"litert-host (\S+), a stand-in for benchmark_model on this host")
_THREADS = re.compile(r"(?:Num threads|#threads used for CPU inference): \[(-?\d{1,10})\]")
_OBSERVED_THREADS = re.compile(r"#threads observed: (\d{1,5})")
_USE_XNNPACK = re.compile(r"Use xnnpack ?: \[([01])\]")
_UNCONSUMED = re.compile(
    r"(?:Unconsumed cmdline flags|(?:WARNING: )?unrecognized commandline flag):(.*)"
)
_DUPLICATE = re.compile(r"Duplicate flags:(.*)")


def read_facts(texts: Sequence[str]) -> ToolFacts:
    """Return the facts in lines whose log prefixes are stripped; contradictions are None."""
    tool, version = _identity(texts)
    facts = ToolFacts(
        tool=tool,
        version=version,
        threads=_one(_THREADS, texts),
        threads_observed=_one(_OBSERVED_THREADS, texts),
        unconsumed_flags=_flags(_UNCONSUMED, texts),
        duplicate_flags=_flags(_DUPLICATE, texts),
    )
    facts = with_delegates(facts, texts)
    if tool == "litert-benchmark":
        threads = litert_results.logged(texts).get("Num threads", "")
        facts = with_accelerators(facts, texts)
        facts = replace(facts, threads=int(threads) if threads.isdecimal() else None)
    return replace(facts, xnnpack=_xnnpack(texts, facts))


def _identity(texts: Sequence[str]) -> tuple[ToolName, str]:
    for text in texts:
        match = _STAND_IN.fullmatch(text)
        if match:
            return "litert-host", match[1]
    if any(text.startswith("Fully accelerated:") for text in texts):
        return "litert-benchmark", ""
    if any("BENCHMARK RESULTS" in text for text in texts):
        return "benchmark_litert_model", ""
    if any(text.startswith("STARTING!") for text in texts):
        return "benchmark_model", ""
    return "", ""


def _one(pattern: re.Pattern[str], texts: Sequence[str]) -> int | None:
    values = {int(match[1]) for text in texts if (match := pattern.fullmatch(text))}
    return values.pop() if len(values) == 1 else None


def _xnnpack(texts: Sequence[str], facts: ToolFacts) -> bool | None:
    if "XNNPACK" in (*facts.applied, *facts.not_applied):
        return "XNNPACK" in facts.applied
    # Silence alone proves nothing: quiet builds print no runtime lines.
    return False if _one(_USE_XNNPACK, texts) == 0 else None


def _flags(pattern: re.Pattern[str], texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        flag for text in texts if (match := pattern.match(text)) for flag in match[1].split()
    )
