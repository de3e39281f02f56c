"""What the runs of one cell and session say together: conditions as ranges, marks in words."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.history.keys import NOT_CONDITIONS
from harness.model import Facts, Scalar

_MOST_TEXTS = 4
_MARKED = ("throttled", "noisy")


@dataclass(slots=True)
class Gathered:
    """Runs that were added one by one; its size does not depend on how many."""

    ranges: dict[str, list[float]] = field(default_factory=dict)
    texts: dict[str, dict[str, None]] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    why: str = ""
    runs: int = 0

    def add(self, conditions: Mapping[str, Any], invalid: str) -> None:
        """Add a run: its conditions, and why it was marked invalid, if it was."""
        self.runs += 1
        if invalid:
            self.invalid += 1
            self.why = self.why or invalid
            return
        verdict = conditions.get("verdict")
        if verdict in _MARKED:
            self.verdicts[str(verdict)] += 1
        for fact, value in conditions.items():
            if value is None or fact in NOT_CONDITIONS:
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._widen(fact, value)
            else:
                seen = self.texts.setdefault(fact, {})
                if len(seen) < _MOST_TEXTS:
                    seen[_said(value)] = None

    def _widen(self, fact: str, value: float) -> None:
        if not math.isfinite(value):
            return
        ends = self.ranges.setdefault(fact, [value, value])
        ends[0], ends[1] = min(ends[0], value), max(ends[1], value)

    def conditions_text(self) -> str:
        """Return the conditions as JSON: `[low, high]` of numbers, else what was said."""
        ranges = {fact: [_short(end) for end in ends] for fact, ends in self.ranges.items()}
        texts = {fact: list(seen) for fact, seen in self.texts.items()}
        return json.dumps({**texts, **ranges}, separators=(",", ":"))

    def marks_text(self) -> str:
        """Return the verdicts that mark runs, such as `2 throttled of 10`."""
        marked = [f"{count} {word}" for word, count in self.verdicts.items()]
        return f"{', '.join(marked)} of {self.runs}" if marked else ""

    def invalid_text(self) -> str:
        """Return why runs are invalid, and how many if not all are."""
        if not self.invalid or self.invalid == self.runs:
            return self.why
        return f"{self.invalid} of {self.runs}: {self.why}"


def together(subjects: Sequence[Facts]) -> Facts:
    """Return the facts of a session; one with several values has them all, joined by ` | `."""
    found: dict[str, dict[str, Scalar]] = {}
    for facts in subjects:
        for fact, value in facts.items():
            found.setdefault(fact, {})[_said(value)] = value
    return {
        fact: next(iter(values.values())) if len(values) == 1 else " | ".join(values)
        for fact, values in found.items()
    }


def _said(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(number: float) -> float:
    return float(f"{number:.4g}")
