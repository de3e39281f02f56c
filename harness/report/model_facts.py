"""What a session noted of the very model files that ran, found again by their hashes."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model import Facts
from harness.plugins import MODEL_FORMATS
from harness.report.summary import CellSummary


def size_bytes_of(cells: Iterable[CellSummary]) -> int | None:
    """Return the size of the file that ran in these cells of one file; None if none ran."""
    for cell in cells:
        for digest in cell.digests:
            for facts in cell.session.models.values():
                for format_ in MODEL_FORMATS:
                    size = facts.get(f"{format_}_bytes")
                    if facts.get(f"{format_}_sha256") == digest and isinstance(size, int):
                        return size
    return None


def noted_of(cell: CellSummary) -> Facts:
    """Return everything that the session noted of a cell's model and file."""
    return cell.session.models.get(f"{cell.cell.model}/{cell.cell.file}", {})
