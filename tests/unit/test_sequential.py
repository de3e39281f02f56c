"""Sampling stops on how wide intervals are: what they say, and how much, plays no part."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.paired import BLOCKS_FOR_AN_INTERVAL, paired_ratio, signed_rank_p
from harness.statistics.sequential import LOOKS, Seen, half_width, look

_GRID = 2.0**-40
STEPS = st.integers(-(2**36), 2**36)
LOG_RATIOS = st.lists(STEPS, min_size=30, max_size=30).map(
    lambda steps: [step * _GRID for step in steps]
)
"""On the grid of the estimates, so that shifting them rounds nothing."""
PRECISIONS = st.floats(1e-6, 0.5)


def stops_after(series: Sequence[Sequence[float]], precision: float) -> int | None:
    """Return the look at which sampling of these series stops, None if at none."""
    before: dict[int, int] = {}
    for blocks in LOOKS:
        seen = look({key: values[:blocks] for key, values in enumerate(series)}, before)
        if seen.is_enough(precision):
            return blocks
        before = dict.fromkeys(range(len(series)), blocks)
    return None


def test_the_first_look_is_where_a_verdict_becomes_reachable() -> None:
    assert LOOKS == (6, 9, 14, 20, 30)
    assert LOOKS[0] == BLOCKS_FOR_AN_INTERVAL
    assert signed_rank_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) < 0.05 < signed_rank_p([1.0] * 5)


def test_of_six_blocks_the_interval_is_from_the_least_to_the_most() -> None:
    values = [0.010, -0.004, 0.002, 0.0135, 0.007, 0.0]
    assert math.isclose(half_width(values), (0.0135 + 0.004) / 2, abs_tol=1e-11)


@given(st.lists(STEPS, max_size=5), PRECISIONS)
@settings(deadline=None)
def test_fewer_blocks_are_never_enough(steps: list[int], precision: float) -> None:
    values = [step * _GRID for step in steps]
    assert half_width(values) == math.inf
    assert not steps or not look({"r": values}, {}).is_enough(precision)


@given(LOG_RATIOS, STEPS, PRECISIONS)
@settings(deadline=None, max_examples=40)
def test_neither_the_size_nor_the_sign_of_an_effect_changes_when_it_stops(
    ratios: list[float], steps: int, precision: float
) -> None:
    found = stops_after([ratios], precision)
    assert stops_after([[value + steps * _GRID for value in ratios]], precision) == found
    assert stops_after([[-value for value in ratios]], precision) == found


@given(LOG_RATIOS, LOG_RATIOS, PRECISIONS, PRECISIONS)
@settings(deadline=None, max_examples=40)
def test_a_finer_precision_and_another_ratio_never_stop_earlier(
    one: list[float], other: list[float], first: float, second: float
) -> None:
    fine, coarse = sorted((first, second))
    never = LOOKS[-1] + 1
    assert (stops_after([one], fine) or never) >= (stops_after([one], coarse) or never)
    assert (stops_after([one, other], fine) or never) >= (stops_after([one], fine) or never)


def test_a_precision_is_a_share_to_either_side() -> None:
    assert Seen(math.log(1.0199)).is_enough(0.02)
    assert not Seen(math.log(1.0201)).is_enough(0.02)


def test_a_series_that_more_blocks_do_not_lengthen_keeps_nobody_waiting() -> None:
    quiet, broken = [0.001 * i for i in range(9)], [0.5, 0.1]
    assert not look({"quiet": quiet[:6], "broken": broken}, {}).is_enough(0.02)
    seen = look({"quiet": quiet, "broken": broken}, {"quiet": 6, "broken": 2})
    assert seen.left_out == 1
    assert seen.is_enough(0.02)
    assert look({"never": []}, {}) == Seen(None, 1)
    assert look({"never": []}, {}).is_enough(0.02)


def test_stopping_on_width_finds_no_more_than_chance_where_there_is_nothing() -> None:
    dice = random.Random(5)
    found, blocks = 0, []
    for _ in range(150):
        ratios = [dice.gauss(0, 0.03) for _ in range(30)]
        blocks.append(stops_after([ratios], 0.02) or LOOKS[-1])
        estimate = paired_ratio(ratios[: blocks[-1]])
        assert estimate.low is not None
        assert estimate.high is not None
        found += not estimate.low <= 1 <= estimate.high
    # 5 % of 150, and three standard errors of that.
    assert found <= 15
    assert len(set(blocks)) >= 3
