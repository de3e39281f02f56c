"""What a gate decided, as `gate.json` in the result folder of its candidate holds it.

Amounts are SI units. Every change is `now / before - 1`, so 0.05 is five percent more time, memory
or bytes than the last good build takes, measured in the same blocks.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness.errors import StoreError
from harness.model import Cell, Scalar
from harness.store.folder import read_as_written
from harness.store.marks import Reasons, read_marks, standing_reasons, why_invalid
from harness.twin_names import own_name

GATE = "gate.json"
GATE_SCHEMA = 1

GateVerdict: TypeAlias = Literal[
    "regressed",
    "improved",
    "unchanged",
    "unclear",
    "newly failed",
    "missing",
    "environment changed",
    "not judged",
]
"""What the gate says of one thing; only `regressed`, `newly failed` and `missing` are red."""

RED: frozenset[GateVerdict] = frozenset({"regressed", "newly failed", "missing"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one thing that the gate judges of one cell.

    `what` is `latency`, `outcome`, `file_bytes`, `nodes_delegated`, or a memory metric by its name;
    `before` and `now` are the last good build's amount and the candidate's, in `unit`. `change`
    with its ends `low` and `high` is None where there is no ratio, `p` is one-sided and adjusted
    by Holm's rule over what was flagged, None for what was not. `why` says what a person must know.
    """

    cell: Cell
    what: str
    verdict: GateVerdict
    unit: str = ""
    before: float | None = None
    now: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    blocks: int = 0
    threshold: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """A fact of a bench that the gate cannot keep, and that is another one than at last good."""

    bench: str
    fact: str
    before: Scalar
    now: Scalar


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the candidate is from the pinned reference: `change` and its interval, by cell.

    `what` as in `Judgement`. From `bound` on it `exceeds` what lets last good move; it is
    `confirmed` where fresh blocks proved it.
    """

    cell: Cell
    change: float
    low: float | None
    high: float | None
    what: str = "latency"
    bound: float | None = None
    exceeds: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One night's decision: `last_good`, `reference` and `candidate` are sha256 of their builds.

    `moved` says whether the candidate became the last good build, `why_not_moved` why it did not.
    On a `first_night` there was none, so that nothing was judged. `confirmation` is the result
    folder of the fresh blocks, below this one; '' where nothing was flagged. `virtual` are the
    targets that are virtual devices.
    """

    suite: str
    decided_utc: str
    candidate: str
    last_good: str
    green: bool
    moved: bool
    why_not_moved: str = ""
    judgements: tuple[Judgement, ...] = ()
    environment: tuple[EnvironmentChange, ...] = ()
    drift: tuple[Drift, ...] = ()
    max_drift: float | None = None
    schema: int = GATE_SCHEMA
    reference: str = ""
    first_night: bool = False
    confirmation: str = ""
    virtual: tuple[str, ...] = ()


def gate_to_bytes(record: GateRecord) -> bytes:
    """Return the text of `gate.json`."""
    shown = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False, allow_nan=False)
    return shown.encode("utf-8", errors="backslashreplace") + b"\n"


def read_gate(folder: Path) -> GateRecord | None:
    """Return what a gate decided on a result folder, as far as it still stands; None if none did.

    A verdict on a cell whose runs used what is marked as invalid is `not judged`, has no numbers,
    and says why; the decision as a whole then is not green.

    Raises:
        StoreError: the record, the marks or the runs cannot be read, are damaged or of a newer
            edgebench.
    """
    record = read_gate_as_written(folder)
    if record is None:
        return None
    evidence = [folder, folder / record.confirmation] if record.confirmation else [folder]
    invalid: dict[Cell, str] = {}
    for place in evidence:
        if reasons := standing_reasons(read_marks(place)):
            invalid |= _invalid_cells(place, record, reasons)
    judgements = tuple(_after(each, invalid.get(each.cell)) for each in record.judgements)
    if judgements == record.judgements:
        return record
    drift = tuple(each for each in record.drift if each.cell not in invalid)
    return replace(record, judgements=judgements, drift=drift, green=False)


def _invalid_cells(folder: Path, record: GateRecord, reasons: Reasons) -> dict[Cell, str]:
    """Return why the verdicts on cells do not stand, of those that do not."""
    for used, reason in reasons.items():
        if used.digits in (record.candidate, record.last_good):
            return dict.fromkeys((each.cell for each in record.judgements), reason)
    results = read_as_written(folder)
    found: dict[Cell, str] = {}
    for run in results.runs:
        failure = why_invalid(results.session, run, reasons)
        if failure is not None:
            # The last good build stands beside the suite's own, under a name of its own.
            own = replace(run.cell, target=own_name(run.cell.target))
            found.setdefault(own, failure.message)
    return found


def _after(judgement: Judgement, reason: str | None) -> Judgement:
    if reason is None:
        return judgement
    why = f"invalid: {reason}"
    return Judgement(judgement.cell, judgement.what, "not judged", judgement.unit, why=why)


def read_gate_as_written(folder: Path) -> GateRecord | None:
    """Return what a gate decided on a result folder, whatever was marked since; None if none did.

    Raises:
        StoreError: the file cannot be read, is damaged or of a newer edgebench.
    """
    path = folder / GATE
    try:
        record = json.loads(path.read_bytes())
        if record["schema"] > GATE_SCHEMA:
            raise StoreError(
                f"the record has schema {record['schema']}, known is {GATE_SCHEMA}",
                where=str(path),
                hint="update edgebench: this folder was written by a newer one",
            )
        return _gate(record)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"this is not the record of a gate: {error!r}",
            where=str(path),
            hint="delete it, or restore it from a backup; the runs beside it are not touched",
        ) from error


def _gate(record: dict[str, Any]) -> GateRecord:
    fields = dict(record)
    fields["judgements"] = tuple(
        Judgement(**{**each, "cell": Cell(**each["cell"])}) for each in fields["judgements"]
    )
    fields["environment"] = tuple(EnvironmentChange(**each) for each in fields["environment"])
    fields["drift"] = tuple(
        Drift(**{**each, "cell": Cell(**each["cell"])}) for each in fields["drift"]
    )
    fields["virtual"] = tuple(fields.get("virtual", ()))
    return GateRecord(**fields)
