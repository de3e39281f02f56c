"""What exports share: which cells they have, what a cell is called, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import ResultFolder
from harness.paired_runs import STATISTICS
from harness.report.metric_values import MetricSummary
from harness.report.summary import CellSummary, summarise


@dataclass(frozen=True, slots=True)
class Exported:
    """A cell and its name; several sessions are told apart by theirs."""

    name: str
    cell: CellSummary

    @property
    def numbers(self) -> Iterator[tuple[str, MetricSummary]]:
        """Each metric with a value, by its own name: time, cold start, memory."""
        cell = self.cell
        own = (cell.time, *cell.cold_start, *cell.memory_metrics)
        yield from ((metric.metric, metric) for metric in own if metric is not None and metric.n)

    @property
    def told(self) -> str:
        """Say in one line how the time was measured and what ran."""
        cell = self.cell
        facts = {
            "runs": len(cell.latency.measured),
            "statistic": cell.statistic or None,
            **{name: _joined(cell, name) for name in ("device", "browser", "tool", "model_sha256")},
            "virtual": "yes" if cell.virtual else None,
        }
        return ", ".join(f"{name} {value}" for name, value in facts.items() if value)


def exported(folders: Sequence[ResultFolder], *, include_virtual: bool) -> tuple[Exported, ...]:
    """Return every cell of real targets, and of virtual ones if they are included.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    cells = [cell for cell in summarise(folders) if include_virtual or not cell.virtual]
    sessions = len({cell.session_name for cell in cells}) > 1
    return tuple(
        Exported(f"{cell.session_name}: {_label(cell)}" if sessions else _label(cell), cell)
        for cell in cells
    )


def statistic_of(metric: MetricSummary) -> str:
    """Return the statistic of a latency, '' of other metrics."""
    return STATISTICS.get(metric.metric, "")


def _label(cell: CellSummary) -> str:
    return f"{cell.cell.label} (virtual)" if cell.virtual else cell.cell.label


def _joined(cell: CellSummary, fact: str) -> str:
    return "/".join(str(value) for value in cell.observed(fact))
