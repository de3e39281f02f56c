"""A kept build whose files turned out to be wrong since: nothing is judged beside it any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import StoreError
from harness.gate.builds import KeptNight
from harness.store.marks import MARKS, read_marks, standing_reasons
from harness.store.used import Used


def refuse_marked(night: KeptNight, kept: Path) -> None:
    """Refuse a build of which a part is marked as invalid in a result folder beside `kept`.

    Raises:
        StoreError: it is marked, and why; or marks cannot be read.
    """
    parts = {
        digits: name
        for name, part in night.build.parts.items()
        for digits in (part.known_as, part.sha256, *part.files.values())
    }
    for used, reason in _marked_beside(kept):
        if used.digits in parts:
            raise StoreError(
                f"{parts[used.digits]} of the build that was kept on {night.kept_utc[:10]} is "
                f"invalid: {reason}",
                where=str(kept),
                hint="delete that folder: the next gate then keeps its own build, and compares "
                f"from the night after on; or take the mark back: edgebench impact {used} "
                "--withdraw REASON",
            )


def _marked_beside(kept: Path) -> Iterator[tuple[Used, str]]:
    for marks in sorted(kept.parent.glob(f"*/{MARKS}")):
        yield from standing_reasons(read_marks(marks.parent)).items()
