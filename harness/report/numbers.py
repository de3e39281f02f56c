"""Numbers as people read them: three significant digits, and one unit per column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median

from harness.model import Figure
from harness.statistics.paired import RatioEstimate

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Scale:
    """A column's unit and how many of the SI unit it stands for."""

    unit: str
    size: float

    def figure(
        self, value: float, *, low: float | None = None, high: float | None = None
    ) -> Figure:
        """Return an SI value as a figure in this unit; `low` and `high` are its spread."""
        return Figure(
            self._scaled(value),
            self.text(value),
            None if low is None else self._scaled(low),
            None if high is None else self._scaled(high),
        )

    def text(self, value: float) -> str:
        """Return an SI value in this unit, in three significant digits."""
        return significant(value / self.size)

    def change(
        self, value: float, *, low: float | None = None, high: float | None = None
    ) -> Figure:
        """Return a difference of SI values, shown with its sign; `low`, `high`: its interval."""
        sign = "+" if value > 0 else "−" if value < 0 else ""
        figure = self.figure(value, low=low, high=high)
        return replace(figure, text=sign + self.text(abs(value)))

    def span(self, low: float, high: float) -> str:
        """Return two SI values as `low–high` in this unit."""
        return f"{self.text(low)}–{self.text(high)}"

    def _scaled(self, value: float) -> float:
        return without_noise(value / self.size)


SECONDS = (Scale("ns", 1e-9), Scale("µs", 1e-6), Scale("ms", 1e-3), Scale("s", 1.0))
BYTES = (Scale("B", 1.0), Scale("KiB", 2.0**10), Scale("MiB", 2.0**20), Scale("GiB", 2.0**30))


def scale_for(values: Iterable[float], scales: tuple[Scale, ...]) -> Scale:
    """Choose a column's unit: the largest of which its median value holds at least one."""
    known = list(values)
    typical = median(known) if known else 0.0
    fitting = [scale for scale in scales if scale.size <= typical]
    if fitting:
        return fitting[-1]
    return scales[-2] if typical == 0 else scales[0]


def significant(value: float, digits: int = 3) -> str:
    """Return a number with that many significant digits and without an exponent."""
    return format(Decimal(f"{value:.{digits - 1}e}"), "f") if value else "0"


def without_noise(value: float) -> float:
    """Return a number without the last digits, which are only rounding of binary fractions."""
    return float(f"{value:.12g}")


def count(number: int, planned: int | None = None) -> Figure:
    """Return a count; shown as `4/6` where more were planned."""
    short = planned is not None and number < planned
    return Figure(number, f"{number}/{planned}" if short else str(number))


def ratio(estimate: RatioEstimate, remark: str = "") -> Figure:
    """Return a speed-up as `4.41× [4.30, 4.52]`; its ends have the estimate's decimals."""
    shown = significant(estimate.estimate)
    decimals = len(shown.partition(".")[2])
    text = f"{shown}×" + (f" {remark}" if remark else "")
    if estimate.low is None or estimate.high is None:
        return Figure(without_noise(estimate.estimate), text)
    return Figure(
        without_noise(estimate.estimate),
        f"{text} [{estimate.low:.{decimals}f}, {estimate.high:.{decimals}f}]",
        without_noise(estimate.low),
        without_noise(estimate.high),
    )


def bar(share: float, width: int = 6) -> Figure:
    """Return a share of 1 as a bar of at most `width` blocks; a trace is always visible."""
    eighths = max(1, round(min(share, 1.0) * width * 8))
    whole, rest = divmod(eighths, 8)
    return Figure(without_noise(share), "█" * whole + (_EIGHTHS[rest] if rest else ""))


def percent(share: float) -> str:
    """Return a share as a percentage; `below 1 %` where it would round to nothing."""
    if 0 < share < 0.005:
        return "below 1 %"
    return f"{100 * share:.0f} %"
