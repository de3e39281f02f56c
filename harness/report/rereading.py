"""What reading captures again changed, as a table: how many runs, and in what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.counted import counted
from harness.model import Column, Facts, Failed, Figure, Measured, RunResult, Skipped, Table

Change: TypeAlias = Literal["the same", "other numbers", "other outcome", "other facts", "not read"]
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Reread:
    """A run, what reading it again changed, and in what; or why it was not read."""

    run_id: str
    change: Change
    told: str = ""


def compared(before: RunResult, after: RunResult) -> Reread:
    """Say what differs between a run's line and the one that today's reader makes of its files."""
    name = before.run_id
    was, now = _outcome(before), _outcome(after)
    if was != now:
        return Reread(name, "other outcome", f"{was} → {now}")
    if isinstance(before.outcome, Measured) and isinstance(after.outcome, Measured):
        stored = {each.metric: each for each in before.outcome.measurements}
        found = {each.metric: each for each in after.outcome.measurements}
        if differing := [m for m in {**stored, **found} if stored.get(m) != found.get(m)]:
            return Reread(name, "other numbers", ", ".join(sorted(differing)))
        if before.outcome.operators != after.outcome.operators:
            return Reread(name, "other numbers", "operators")
    facts = (
        *_differing(before.setting, after.setting),
        *_differing(before.subject, after.subject),
        *_differing(before.conditions, after.conditions),
    )
    return Reread(name, "other facts", ", ".join(facts)) if facts else Reread(name, "the same")


def reread_table(folder: str, found: Iterable[Reread]) -> Table:
    """Return how many runs of a folder were read again, and what that changed."""
    runs = list(found)
    counts = Counter(each.change for each in runs)
    columns = (Column("change", "read again"), Column("runs", "runs", align="right"))
    rows = tuple((change, Figure(n, str(n))) for change, n in sorted(counts.items()))
    return Table("reread", f"Captures of {folder} read again", columns, rows, tuple(_notes(runs)))


def _notes(runs: list[Reread]) -> Iterator[str]:
    changed = [each for each in runs if each.change not in {"the same", "not read"}]
    for each in changed[:_MOST_NAMED]:
        yield f"{each.run_id}: {each.change}: {each.told}."
    if len(changed) > _MOST_NAMED:
        yield f"and {len(changed) - _MOST_NAMED} more."
    for why, number in Counter(each.told for each in runs if each.change == "not read").items():
        yield f"{counted(number, 'run')} kept as written: {why}."


def _outcome(run: RunResult) -> str:
    match run.outcome:
        case Measured():
            return "measured"
        case Failed(failure):
            return f"failed ({failure.kind})"
        case Skipped(failure):
            return f"skipped ({failure.kind})"


def _differing(before: Facts, after: Facts) -> list[str]:
    return [fact for fact in {**before, **after} if before.get(fact) != after.get(fact)]
