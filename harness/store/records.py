"""Runs and sessions as JSON records, with a reader for every schema that was ever written.

Schema history
    1  first; `phases_s` beside the contract's keys says where a run's time went. Runs of the ops
       pass have `operators`, each run the hash of its raw files, `raw_sha256`, and that of the code
       that read them, `reader_sha256`; a session may have its `lineage`. Readers that do
       not know them lose nothing else.
       Sessions have `shard`, and those of merged folders `merged`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from harness.errors import StoreError
from harness.model import (
    Cell,
    Facts,
    Failed,
    Failure,
    Lineage,
    Measured,
    Measurement,
    MergedSession,
    OperatorTime,
    Outcome,
    Pass,
    Proof,
    PublishedFigures,
    RunResult,
    Scalar,
    SessionRecord,
    ShardRecord,
    Skipped,
    TargetRecord,
)

SCHEMA = 1
_SESSION_FIELDS = frozenset(field.name for field in dataclasses.fields(SessionRecord))
_NEWER_HINT = "update edgebench: this folder was written by a newer one"


def run_to_line(run: RunResult) -> bytes:
    """Return a run as one line of `runs.jsonl`, with its newline."""
    record = {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "cell": dataclasses.asdict(run.cell),
        "bench": run.bench,
        "pass": run.pass_,
        "block": run.block,
        "order": run.order,
        "attempt": run.attempt,
        **_outcome_record(run.outcome),
        "setting": dict(run.setting),
        "subject": dict(run.subject),
        "conditions": dict(run.conditions),
        "proof": {"asked": dict(run.proof.asked), "observed": dict(run.proof.observed)},
        "phases_s": dict(run.phases_s),
        "command": list(run.command),
        "started_utc": run.started_utc,
        "duration_s": run.duration_s,
        "raw": run.raw,
        "raw_sha256": run.raw_sha256,
        "reader_sha256": run.reader_sha256,
    }
    return _dump(record) + b"\n"


def run_from_record(record: Any) -> RunResult:
    """Read one parsed line of `runs.jsonl`.

    Raises:
        StoreError: the schema is newer than this edgebench.
        KeyError, TypeError, ValueError: it is not a run.
    """
    _check_schema(record)
    return RunResult(
        run_id=record["run_id"],
        cell=_cell(**record["cell"]),
        bench=record["bench"],
        pass_=cast("Pass", record["pass"]),
        block=record["block"],
        order=record["order"],
        attempt=record["attempt"],
        outcome=_outcome(record),
        started_utc=record["started_utc"],
        duration_s=record["duration_s"],
        setting=_shared_facts(record["setting"]),
        subject=_shared_facts(record["subject"]),
        conditions=record["conditions"],
        proof=Proof(record["proof"]["asked"], record["proof"]["observed"]),
        phases_s=record["phases_s"],
        command=tuple(record["command"]),
        raw=record["raw"],
        raw_sha256=record.get("raw_sha256", ""),
        reader_sha256=record.get("reader_sha256", ""),
    )


def session_to_bytes(session: SessionRecord) -> bytes:
    """Return a session as the text of `session.json`."""
    return (
        json.dumps(
            dataclasses.asdict(session), indent=2, ensure_ascii=False, allow_nan=False
        ).encode()
        + b"\n"
    )


def session_from_record(record: Any) -> SessionRecord:
    """Read the parsed `session.json`; raises as `run_from_record` does."""
    _check_schema(record)
    # A newer edgebench may have added fields: without them nothing else is lost.
    fields = {name: value for name, value in record.items() if name in _SESSION_FIELDS}
    fields["command"] = tuple(fields["command"])
    fields["cells"] = tuple(_cell(**cell) for cell in fields["cells"])
    fields["published"] = tuple(
        PublishedFigures(**figures) for figures in fields.get("published", ())
    )
    fields["targets"] = tuple(_target(target) for target in fields["targets"])
    fields["shard"] = _shard(fields.get("shard"))
    fields["merged"] = tuple(
        MergedSession(session_from_record(each["session"]), tuple(each["benches"]))
        for each in fields.get("merged", ())
    )
    fields["looks"] = tuple(fields.get("looks", ()))
    if fields.get("lineage") is not None:
        fields["lineage"] = Lineage(**fields["lineage"])
    return SessionRecord(**fields)


def _shared_facts(facts: dict[str, Any]) -> Facts:
    """Return one value for equal facts: runs of a cell have the same, and nobody changes them."""
    try:
        # 1, 1.0 and True are equal, and not the same fact.
        return _facts(tuple(facts.items()), tuple(map(type, facts.values())))
    except TypeError:
        # A newer edgebench may note what is no scalar.
        return facts


@lru_cache(maxsize=65_536)
def _facts(items: tuple[tuple[str, Scalar], ...], _types: tuple[type, ...]) -> Facts:
    return dict(items)


@lru_cache(maxsize=65_536)
def _cell(model: str, file: str, target: str, variant: str) -> Cell:
    """Return one value for one cell: what looks it up for each of its runs need not compare."""
    return Cell(model, file, target, variant)


def _target(record: Mapping[str, Any]) -> TargetRecord:
    fields = dict(record)
    fields["variants"] = tuple(fields["variants"])
    fields["ratios"] = tuple((a, b) for a, b in fields["ratios"])
    fields["extra_passes"] = tuple(fields.get("extra_passes", ()))
    return TargetRecord(**fields)


def _shard(record: Mapping[str, Any] | None) -> ShardRecord | None:
    if record is None:
        return None
    return ShardRecord(**{**record, "targets": tuple(record["targets"])})


def _check_schema(record: Any) -> None:
    schema = record["schema"]
    if schema > SCHEMA:
        raise StoreError(f"the record has schema {schema}, known is {SCHEMA}", hint=_NEWER_HINT)


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Measured(measurements, operators):
            rows = [_measurement_record(m) for m in measurements]
            profile = [dataclasses.asdict(operator) for operator in operators]
            found = {"outcome": "measured", "measurements": rows, "error": None}
            return found | ({"operators": profile} if profile else {})
        case Failed(failure):
            return {"outcome": "failed", "measurements": [], "error": _error_record(failure)}
        case Skipped(failure, expected):
            error = {**_error_record(failure), "expected": expected}
            return {"outcome": "skipped", "measurements": [], "error": error}


def _error_record(failure: Failure) -> dict[str, Any]:
    return {"class": failure.kind, "message": failure.message, "hint": failure.hint}


def _measurement_record(measurement: Measurement) -> dict[str, Any]:
    record: dict[str, Any] = {"metric": measurement.metric, "unit": measurement.unit}
    if measurement.samples:
        record["samples"] = list(measurement.samples)
    else:
        record["value"] = measurement.value
    record["per"] = measurement.per
    if measurement.absent:
        record["absent"] = measurement.absent
    return record


def _outcome(record: Mapping[str, Any]) -> Outcome:
    if record["outcome"] == "measured":
        return Measured(
            tuple(_measurement(m) for m in record["measurements"]),
            tuple(OperatorTime(**operator) for operator in record.get("operators", ())),
        )
    error = record["error"]
    failure = Failure(error["class"], error["message"], error["hint"])
    if record["outcome"] == "failed":
        return Failed(failure)
    if record["outcome"] == "skipped":
        return Skipped(failure, error.get("expected", False))
    message = f"unknown outcome {record['outcome']!r}"
    raise ValueError(message)


def _measurement(record: Mapping[str, Any]) -> Measurement:
    return Measurement(
        metric=record["metric"],
        unit=record["unit"],
        value=record.get("value"),
        samples=tuple(record.get("samples", ())),
        per=record["per"],
        absent=record.get("absent", ""),
    )


def _dump(record: Mapping[str, Any]) -> bytes:
    return json.dumps(
        {key: _finite(value) for key, value in record.items()},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode("utf-8", errors="backslashreplace")


def _finite(value: Any) -> Any:
    # A fact may be NaN on an odd platform; JSON has none, and "not known" is what it means.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
