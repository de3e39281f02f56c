"""Shares with the error that comes from simulating only so often."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SIGMAS = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """So many hits among independent trials; `low` and `high` are Wilson's 95 % interval."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        return self.hits / self.trials

    @property
    def error(self) -> float:
        """The Monte-Carlo error: half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def low(self) -> float:
        return self._middle - self._half

    @property
    def high(self) -> float:
        return self._middle + self._half

    @property
    def _middle(self) -> float:
        return (self.value + _SIGMAS**2 / (2 * self.trials)) / self._stretch

    @property
    def _half(self) -> float:
        spread = self.value * (1 - self.value) / self.trials
        return _SIGMAS * math.sqrt(spread + _SIGMAS**2 / (4 * self.trials**2)) / self._stretch

    @property
    def _stretch(self) -> float:
        return 1 + _SIGMAS**2 / self.trials

    def __add__(self, other: Share) -> Share:
        return Share(self.hits + other.hits, self.trials + other.trials)

    def __str__(self) -> str:
        digits = 2 if self.error < 0.001 else 1
        return f"{100 * self.value:.{digits}f} ± {100 * self.error:.{digits}f}"


NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A share that must lie between two bounds, together with its whole Monte-Carlo interval."""

    text: str
    share: Share
    least: float = 0.0
    most: float = 1.0

    @property
    def shown(self) -> bool:
        return self.least <= self.share.low and self.share.high <= self.most

    def __str__(self) -> str:
        if self.least and self.most < 1:
            bounds = f"{100 * self.least:g}–{100 * self.most:g} %"
        elif self.least:
            bounds = f"at least {100 * self.least:g} %"
        else:
            bounds = f"at most {100 * self.most:g} %"
        return (
            f"| {self.text} | {bounds} | {self.share} | {'shown' if self.shown else 'NOT SHOWN'} |"
        )
