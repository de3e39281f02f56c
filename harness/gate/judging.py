"""The verdict on times and memory, and the distance to the reference: pure, from pairs of numbers.

Screening only chooses what is measured again. Fresh blocks decide: they alone call a cell slower or
larger, with Holm's rule over everything that was flagged that night.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.gate.observing import LATENCY, Key, Pairs
from harness.statistics.paired import RatioEstimate, paired_ratio
from harness.statistics.screening import Confirmed, confirm, screen
from harness.store.gate_record import Drift, GateVerdict, Judgement


def flagged(pairs: Mapping[Key, Pairs]) -> tuple[Key, ...]:
    """Return what is to be measured again with fresh blocks.

    Latency is screened by a test; a change that would matter by its size alone is always looked
    at again, since memory has few rounds and noisy cells no small p.
    """
    return tuple(key for key, found in pairs.items() if found.logs and _flagged(key, found))


def _flagged(key: Key, found: Pairs) -> bool:
    _, what, side = key
    tested = what == LATENCY and side == "last good"
    by_size = found.look_again if tested or side == "reference" else found.threshold
    return paired_ratio(found.logs).estimate >= 1 + by_size or (tested and screen(found.logs))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The pairs of a night: of screening, and of fresh blocks; `flagged` is why there are these."""

    screened: Mapping[Key, Pairs]
    flagged: tuple[Key, ...] = ()
    fresh: Mapping[Key, Pairs] | None = None

    def best(self, key: Key) -> Pairs:
        """Return the fresh pairs of a thing, else those of screening."""
        fresh = (self.fresh or {}).get(key)
        return fresh if fresh is not None and fresh.logs else self.screened[key]

    def confirmed(self) -> Mapping[Key, Confirmed]:
        """Return what fresh blocks say of each flagged thing, adjusted over all of them."""
        fresh = self.fresh or {}
        return confirm(
            {key: fresh[key].logs for key in self.flagged if key in fresh and fresh[key].logs},
            # Each thing has a threshold of its own, which is applied to its estimate.
            min_effect=0.0,
        )

    @property
    def unsettled(self) -> tuple[Key, ...]:
        """What was flagged and has no fresh block."""
        return tuple(key for key in self.flagged if self.best(key) is self.screened[key])


def judge_pairs(evidence: Evidence) -> tuple[Judgement, ...]:
    """Judge latency and memory of every cell that stood beside its last good build."""
    confirmed = evidence.confirmed()
    return tuple(
        _judged(key, evidence, confirmed.get(key))
        for key in evidence.screened
        if key[2] == "last good"
    )


def _judged(key: Key, evidence: Evidence, confirmed: Confirmed | None) -> Judgement:
    screened = evidence.screened[key]
    if not screened.logs:
        word: GateVerdict = "missing" if screened.lost else "not judged"
        return _judgement(key, screened, word, why=screened.why_not)
    if confirmed is not None:
        return _by_fresh_blocks(key, evidence.best(key), confirmed)
    estimate = paired_ratio(screened.logs)
    word = _word(estimate, screened)
    if key in evidence.flagged:
        why = "flagged in screening, and no fresh block could be measured"
        return _judgement(key, screened, "unclear", estimate, why=why)
    told = {"unclear": "not flagged in screening", "improved": "in screening, not confirmed"}
    return _judgement(key, screened, word, estimate, why=told.get(word, ""))


def _by_fresh_blocks(key: Key, fresh: Pairs, confirmed: Confirmed) -> Judgement:
    estimate = paired_ratio(fresh.logs)
    blocks = f"{len(fresh.logs)} fresh blocks"
    word, why = _word(estimate, fresh), f"flagged in screening, not confirmed in {blocks}"
    if confirmed.confirmed and estimate.estimate >= 1 + fresh.threshold:
        word, why = "regressed", f"confirmed in {blocks}"
    return _judgement(key, fresh, word, estimate, p=confirmed.p_adjusted, why=why)


def _word(estimate: RatioEstimate, found: Pairs) -> GateVerdict:
    """Say what pairs tell that do not prove a regression."""
    bound = math.log1p(found.threshold)
    low, high = min(found.logs), max(found.logs)
    if estimate.low is not None and estimate.high is not None:
        low, high = math.log(estimate.low), math.log(estimate.high)
    if -bound <= low and high <= bound:
        return "unchanged"
    if high < 0 and math.log(estimate.estimate) <= -bound:
        return "improved"
    return "unclear"


def _judgement(
    key: Key,
    found: Pairs,
    word: GateVerdict,
    estimate: RatioEstimate | None = None,
    *,
    p: float | None = None,
    why: str = "",
) -> Judgement:
    cell, what, _ = key
    low, high = _ends(estimate)
    return Judgement(
        cell=cell,
        what=what,
        verdict=word,
        unit=found.unit,
        before=found.before,
        now=found.now,
        change=estimate.estimate - 1 if estimate else None,
        low=low,
        high=high,
        p=p,
        blocks=len(found.logs),
        threshold=found.threshold,
        why=why,
    )


def drift_of(evidence: Evidence) -> tuple[Drift, ...]:
    """Return how far times and memory are from the pinned reference.

    Where the reference is the last good build, that is tonight's change. It is too far by its
    estimate, if the interval leaves no doubt that there is a distance at all.
    """
    confirmed = evidence.confirmed()
    drifts = []
    for key, screened in evidence.screened.items():
        cell, what, side = key
        if not screened.logs or (side == "last good" and not screened.is_reference):
            continue
        # A cell that was measured again for another reason gets no second chance to be far away.
        found = evidence.best(key) if key in evidence.flagged else screened
        estimate = paired_ratio(found.logs)
        low, high = _ends(estimate)
        exceeds = estimate.estimate >= 1 + found.look_again and (low is None or low > 0)
        proved = exceeds and key in confirmed and confirmed[key].confirmed
        change = estimate.estimate - 1
        drifts.append(Drift(cell, change, low, high, what, found.look_again, exceeds, proved))
    return tuple(drifts)


def _ends(estimate: RatioEstimate | None) -> tuple[float | None, float | None]:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None, None
    return estimate.low - 1, estimate.high - 1
