"""The one door to pandas: result folders as a tidy frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.model import Failed, Measured, Measurement, ResultFolder, RunResult, Skipped
from harness.report.counting import counting
from harness.report.summary import latest_attempts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "session",
    "path",
    "run_id",
    "model",
    "file",
    "target",
    "variant",
    "driver",
    "virtual",
    "bench",
    "pass",
    "block",
    "order",
    "attempt",
    "latest",
    "left_out",
    "outcome",
    "metric",
    "unit",
    "per",
    "value",
    "samples",
    "absent",
    "error_class",
    "error_message",
    "error_hint",
    "started_utc",
    "duration_s",
)


def to_pandas(folders: Sequence[ResultFolder]) -> pd.DataFrame:
    """Return one row per run and measurement; a run without measurements has one row too.

    The columns are `COLUMNS`, then `setting.…`, `subject.…` and `conditions.…` for every fact
    that occurs. `value` is in `unit` (seconds, bytes) and NaN where there is none: `absent`
    or `error_…` then say why; `samples` are a tuple in the same unit. `latest` is False for
    attempts that a later one replaced, `left_out` is True for runs of disturbed blocks that new
    ones replaced. `session` is the label of the result folder.
    """
    import pandas as pd

    rows = [row for folder in folders for row in _rows(folder)]
    facts = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS)
    return pd.DataFrame(rows, columns=[*COLUMNS, *facts]).astype({"value": "float64"})


def _rows(folder: ResultFolder) -> Iterable[dict[str, Any]]:
    attempts = latest_attempts(folder.runs)
    latest = {id(run) for run in attempts}
    aside = counting(folder.session, attempts).left_out.values()
    left_out = {id(run) for runs in aside for run in runs}
    virtual = {target.name: target.virtual for target in folder.session.targets}
    for run in folder.runs:
        common = {
            "session": folder.session.label,
            "path": folder.path,
            "virtual": virtual.get(run.cell.target, run.setting.get("virtual") is True),
            "latest": id(run) in latest,
            "left_out": id(run) in left_out,
            **_run_columns(run),
        }
        for measurement in _measurements(run):
            yield {**common, **_measurement_columns(measurement)}


def _measurements(run: RunResult) -> Sequence[Measurement | None]:
    return (isinstance(run.outcome, Measured) and run.outcome.measurements) or (None,)


def _run_columns(run: RunResult) -> dict[str, Any]:
    sets = {"setting": run.setting, "subject": run.subject, "conditions": run.conditions}
    return {
        "run_id": run.run_id,
        "model": run.cell.model,
        "file": run.cell.file,
        "target": run.cell.target,
        "variant": run.cell.variant,
        "driver": run.setting.get("driver"),
        "bench": run.bench,
        "pass": run.pass_,
        "block": run.block,
        "order": run.order,
        "attempt": run.attempt,
        "started_utc": run.started_utc,
        "duration_s": run.duration_s,
        **_outcome_columns(run),
        **{
            f"{name}.{fact}": value for name, facts in sets.items() for fact, value in facts.items()
        },
    }


def _outcome_columns(run: RunResult) -> dict[str, Any]:
    if isinstance(run.outcome, Measured):
        return {"outcome": "measured"}
    failure = run.outcome.failure
    words = {Failed: "failed", Skipped: "skipped"}
    return {
        "outcome": words[type(run.outcome)],
        "error_class": failure.kind,
        "error_message": failure.message,
        "error_hint": failure.hint,
    }


def _measurement_columns(measurement: Measurement | None) -> dict[str, Any]:
    if measurement is None:
        return {}
    return {
        "metric": measurement.metric,
        "unit": measurement.unit,
        "per": measurement.per,
        "value": measurement.value,
        "samples": measurement.samples or None,
        "absent": measurement.absent or None,
    }
