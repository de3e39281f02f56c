"""How tables say in few words why a run has no number."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model import Failed, Failure, RunResult, Skipped
from harness.store.marks import MARKED_INVALID

INVALID = "invalid"


def outcome_word(outcome: Failed | Skipped) -> str:
    """Return `failed`, `invalid` (marked so since it was measured) or `skipped`."""
    if isinstance(outcome, Skipped):
        return "skipped"
    return INVALID if outcome.failure.kind == MARKED_INVALID else "failed"


def why(failure: Failure) -> str:
    """Return a failure's class and message; of a run that was marked: `invalid: REASON`."""
    kind = INVALID if failure.kind == MARKED_INVALID else failure.kind
    return f"{kind}: {failure.message}" if kind else failure.message


def in_a_row(outcome: Failed | Skipped) -> str:
    """Return the outcome with its class alone, or with the reason of whoever marked it."""
    word = outcome_word(outcome)
    failure = outcome.failure
    return why(failure) if word == INVALID else f"{word}: {failure.kind}"


def reason(failure: Failure) -> str:
    """Return a failure's message; of a run that was marked: `invalid: REASON`."""
    return why(failure) if failure.kind == MARKED_INVALID else failure.message


def invalid_among(runs: Iterable[RunResult]) -> str:
    """Return `invalid: REASON` of the first run that was marked, '' if none was."""
    marked = (r.outcome for r in runs if isinstance(r.outcome, Failed))
    return next((why(o.failure) for o in marked if outcome_word(o) == INVALID), "")
