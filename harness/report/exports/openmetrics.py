"""OpenMetrics text: a gauge per metric, labelled with the cell; ends with `# EOF`.

Format: OpenMetrics 1.0, prometheus.io/docs/specs/om/open_metrics_spec: names with their base unit,
label values with backslash, quote and newline escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.report.exports.cells import Exported, statistic_of
from harness.report.metric_values import MetricSummary

_QUANTILES = (("min", "low"), ("median", "median"), ("max", "high"))


def render(cells: Sequence[Exported]) -> str:
    """Return the exposition; min, median and max over runs are told apart by `over_runs`."""
    families: dict[str, list[tuple[Exported, MetricSummary]]] = {}
    for each in cells:
        for name, metric in each.numbers:
            family = "latency" if statistic_of(metric) else name
            unit = "bytes" if metric.is_bytes else "seconds"
            families.setdefault(f"edgebench_{family}_{unit}", []).append((each, metric))
    lines = [line for name, found in families.items() for line in _family(name, found)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _family(name: str, found: Sequence[tuple[Exported, MetricSummary]]) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    yield f"# UNIT {name} {name.rpartition('_')[2]}"
    for each, metric in found:
        cell = each.cell
        labels = {
            "session": cell.session_name,
            "model": cell.cell.model,
            "file": cell.cell.file,
            "target": cell.cell.target,
            "variant": cell.cell.variant,
            "virtual": "true" if cell.virtual else "false",
            "statistic": statistic_of(metric),
        }
        for over_runs, attribute in _QUANTILES:
            told = {**labels, "over_runs": over_runs}
            text = ",".join(f'{key}="{_escaped(value)}"' for key, value in told.items() if value)
            yield f"{name}{{{text}}} {float(getattr(metric, attribute))!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
