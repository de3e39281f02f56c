"""The tensors of a planned model as a result folder keeps them, so that maps need only the folder.

    {"schema": 1, "kind", "tasks", "tensors": [{"name", "bytes", "first", "last", "shape"}, …]}

`kind` says which tensors these are, `first` and `last` are operators (`records.UsageRecord`).
Nothing in it says where the model's file lay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.errors import StoreError
from harness.memory_plan.minimalloc_csv import LAST_TASK, MOST_BYTES
from harness.memory_plan.records import RecordSet, UsageRecord

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class KeptTensors:
    """A record set, and the shapes that belong to its records one by one."""

    records: RecordSet
    shapes: tuple[tuple[int, ...], ...]


def to_bytes(kept: KeptTensors) -> bytes:
    """Return the tensors as the text of their file, ASCII whatever they are called."""
    records = kept.records
    tensors = [
        {
            "name": record.name,
            "bytes": record.size_bytes,
            "first": record.first,
            "last": record.last,
            "shape": list(shape),
        }
        for record, shape in zip(records.records, kept.shapes, strict=True)
    ]
    document = {
        "schema": SCHEMA,
        "kind": records.kind,
        "tasks": records.tasks,
        "tensors": tensors,
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def from_bytes(data: bytes, *, title: str, where: str) -> KeptTensors:
    """Read the tensors back; `title` is what the set is called, `where` names the file in errors.

    Raises:
        StoreError: it is damaged, or of a newer edgebench.
    """
    try:
        document = json.loads(data)
        if document["schema"] > SCHEMA:
            raise StoreError(
                f"these tensors have schema {document['schema']}, known is {SCHEMA}",
                where=where,
                hint="update edgebench: this folder was written by a newer one",
            )
        tasks = _natural(document["tasks"], LAST_TASK)
        records = tuple(_record(tensor, tasks) for tensor in document["tensors"])
        shapes = tuple(
            tuple(_natural(size, MOST_BYTES) for size in tensor["shape"])
            for tensor in document["tensors"]
        )
        kind = _text(document["kind"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"these tensors are damaged: {error}",
            where=where,
            hint="restore the file from a backup, or remove it: the tables do not need it",
        ) from error
    return KeptTensors(RecordSet(title, "the result folder", kind, records, tasks), shapes)


def _record(tensor: Any, tasks: int) -> UsageRecord:
    last = _natural(tensor["last"], tasks - 1)
    return UsageRecord(
        name=_text(tensor["name"]),
        size_bytes=_natural(tensor["bytes"], MOST_BYTES),
        first=_natural(tensor["first"], last),
        last=last,
    )


def _natural(value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        message = f"{value!r:.80} is not a whole number from 0 to {most}"
        raise ValueError(message)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = f"{value!r:.80} is not a text"
        raise TypeError(message)
    return value
