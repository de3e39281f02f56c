"""Record sets as CSV in the format of Google's MiniMalloc: `id,lower,upper,size`.

`lower` is a tensor's first task, `upper` the first task after its last one (exclusive), `size`
is bytes (https://github.com/google/minimalloc, README). Columns may come in any order; other
columns (`alignment`, `gaps`, …) would change what a plan may do, so they are refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.errors import SuiteError
from harness.memory_plan.records import RecordSet, UsageRecord

COLUMNS = ("id", "lower", "upper", "size")
LAST_TASK = 2**40
MOST_BYTES = 2**62
_FORMAT_HINT = "write a header line `id,lower,upper,size`, then a line per tensor"


def parse(text: str, source: str, title: str) -> RecordSet:
    """Return the records of a CSV; `source` names the file in errors.

    Raises:
        SuiteError: a line is not understood; `where` is the file and the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = _lines(reader, source)
    _, header = next(lines, (1, []))
    places = _places(header, source)
    records: list[UsageRecord] = []
    seen: dict[str, int] = {}
    total = 0
    for line, cells in lines:
        where = f"{source}:{line}"
        if len(cells) != len(COLUMNS):
            raise SuiteError(
                f"{len(cells)} values where {len(COLUMNS)} belong", where=where, hint=_FORMAT_HINT
            )
        record = _record([cells[place] for place in places], where)
        if record.name in seen:
            raise SuiteError(
                f"the id {record.name!r} is that of line {seen[record.name]} already",
                where=where,
                hint="give each tensor an id of its own",
            )
        seen[record.name] = line
        total += record.size_bytes
        if total >= MOST_BYTES:
            raise SuiteError(
                "the sizes add up to 4 EiB or more", where=where, hint="sizes are bytes"
            )
        records.append(record)
    tasks = max((record.last for record in records), default=-1) + 1
    return RecordSet(title, source, "csv", tuple(records), tasks)


def written(records: RecordSet) -> str:
    """Return a record set as CSV that `parse` reads back, record by record.

    A name that several tensors have gets each tensor's number behind it, as ids are unique.
    """
    lines = [",".join(COLUMNS)]
    for name, record in zip(_ids(records.records), records.records, strict=True):
        lines.append(f"{_quoted(name)},{record.first},{record.last + 1},{record.size_bytes}")
    return "\n".join(lines) + "\n"


def _lines(reader: Iterator[list[str]], source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) without blank lines; a quoted cell may span lines: the last counts."""
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise SuiteError(
                f"this is not CSV: {error}",
                where=f"{source}:{reader.line_num}",  # type: ignore[attr-defined]
                hint=_FORMAT_HINT,
            ) from error
        if cells is None:
            return
        if cells:
            yield reader.line_num, cells  # type: ignore[attr-defined]


def _places(header: Sequence[str], source: str) -> list[int]:
    names = [cell.strip() for cell in header]
    if sorted(names) != sorted(COLUMNS):
        found = ",".join(names) or "nothing"
        raise SuiteError(
            f"the header is {found[:200]!r} instead of {','.join(COLUMNS)!r}",
            where=f"{source}:1",
            hint=_FORMAT_HINT,
        )
    return [names.index(column) for column in COLUMNS]


def _record(cells: Sequence[str], where: str) -> UsageRecord:
    name, *texts = cells
    lower, upper, size = (
        _number(column, text, where) for column, text in zip(COLUMNS[1:], texts, strict=True)
    )
    if upper <= lower:
        raise SuiteError(
            f"tensor {name!r} ends at {upper}, not after its beginning at {lower}",
            where=where,
            hint="`upper` is exclusive: a tensor of one task has upper = lower + 1",
        )
    if upper > LAST_TASK:
        raise SuiteError(f"there is no task {upper}", where=where, hint="tasks end at 2^40")
    return UsageRecord(name, size, lower, upper - 1)


def _number(column: str, text: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text.strip(), re.ASCII):
        raise SuiteError(
            f"{column} is {text[:80]!r}, not a whole number of 0 or more",
            where=where,
            hint="lower and upper count tasks, size is bytes; no units, no fractions",
        )
    return int(text)


def _quoted(name: str) -> str:
    # Python's own writer leaves a lone carriage return without quotes, which then ends the line.
    return '"' + name.replace('"', '""') + '"' if re.search('[",\r\n]', name) else name


def _ids(records: Sequence[UsageRecord]) -> list[str]:
    tellers = Counter(record.name for record in records)
    taken = set(tellers)
    ids = []
    for number, record in enumerate(records):
        name = record.name
        while tellers[record.name] > 1 and name in taken:
            name = f"{name}#{number}"
        taken.add(name)
        ids.append(name)
    return ids
