"""What the tool says about itself: its name, threads, delegates, and flags that it ignored."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.tools.benchmark_model.reading import Delegation, ToolFacts, ToolName

_STAND_IN = re.compile(r"litert-host (\S+), a stand-in for benchmark_model on this host")
_THREADS = re.compile(r"(?:Num threads|#threads used for CPU inference): \[(-?\d{1,10})\]")
_OBSERVED_THREADS = re.compile(r"#threads observed: (\d{1,5})")
_USE_XNNPACK = re.compile(r"Use xnnpack: \[([01])\]")
_XNNPACK_CREATED = "Created TensorFlow Lite XNNPACK delegate for CPU."
_EXPLICIT = re.compile(
    r"Explicitly applied (\S+) delegate, and the model graph will be "
    r"(completely|partially) executed by the delegate.*"
)
_REFUSED = re.compile(
    r"Though (\S+) delegate is explicitly applied, the model graph will not be executed.*"
)
_UNCONSUMED = re.compile(r"Unconsumed cmdline flags:(.*)")
_DUPLICATE = re.compile(r"Duplicate flags:(.*)")


def read_facts(texts: Sequence[str]) -> ToolFacts:
    """Return the facts in lines whose log prefixes are stripped; contradictions are None."""
    tool, version = _identity(texts)
    delegate, delegation = _delegation(texts)
    return ToolFacts(
        tool=tool,
        version=version,
        threads=_one(_THREADS, texts),
        threads_observed=_one(_OBSERVED_THREADS, texts),
        xnnpack=_xnnpack(texts, delegate, delegation),
        delegate=delegate,
        delegation=delegation,
        unconsumed_flags=_flags(_UNCONSUMED, texts),
        duplicate_flags=_flags(_DUPLICATE, texts),
    )


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


def _delegation(texts: Sequence[str]) -> tuple[str, Delegation]:
    for text in texts:
        if match := _EXPLICIT.fullmatch(text):
            return match[1], "completely" if match[2] == "completely" else "partially"
        if match := _REFUSED.fullmatch(text):
            return match[1], "not"
    return "", ""


def _xnnpack(texts: Sequence[str], delegate: str, delegation: Delegation) -> bool | None:
    if delegate == "XNNPACK":
        return delegation != "not"
    if _XNNPACK_CREATED in texts:
        return True
    # Silence alone proves nothing: quiet builds print no runtime lines.
    return False if _one(_USE_XNNPACK, texts) == 0 else None


def _flags(pattern: re.Pattern[str], texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        flag for text in texts if (match := pattern.match(text)) for flag in match[1].split()
    )
