"""The unpaired ratio is the textbook's, and knows when it has nothing to say."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from harness.statistics.two_sample import _rank_sum_counts, unpaired_ratio

TIMES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12, unique=True)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 3), (4, 4), (3, 6)])
def test_the_distribution_is_that_of_all_orders(first: int, second: int) -> None:
    counted = [0] * (first * second + 1)
    for ranks in combinations(range(first + second), first):
        counted[sum(rank - place for place, rank in enumerate(ranks))] += 1
    assert list(_rank_sum_counts(first, second)) == counted


@settings(deadline=None)
@given(TIMES, TIMES)
def test_p_is_that_of_mann_and_whitney(ours: list[float], theirs: list[float]) -> None:
    if set(ours) & set(theirs):
        return
    expected = mannwhitneyu(ours, theirs, method="exact").pvalue
    assert unpaired_ratio(ours, theirs).p == pytest.approx(min(1.0, expected))


@settings(deadline=None)
@given(TIMES, TIMES, st.floats(0.1, 10))
def test_scaling_one_group_scales_estimate_and_interval(
    ours: list[float], theirs: list[float], factor: float
) -> None:
    before = unpaired_ratio(ours, theirs)
    after = unpaired_ratio([time * factor for time in ours], theirs)
    assert after.estimate == pytest.approx(before.estimate * factor)
    if before.low is not None and after.low is not None:
        assert after.low == pytest.approx(before.low * factor)


@settings(deadline=None)
@given(TIMES, TIMES)
def test_turning_the_ratio_over_turns_everything_over(
    ours: list[float], theirs: list[float]
) -> None:
    one, other = unpaired_ratio(ours, theirs), unpaired_ratio(theirs, ours)
    assert one.estimate == pytest.approx(1 / other.estimate)
    assert one.p == pytest.approx(other.p)
    if one.low is not None and other.high is not None:
        assert one.low == pytest.approx(1 / other.high)


def test_three_runs_on_each_side_have_no_interval_and_four_have() -> None:
    three = unpaired_ratio([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])
    four = unpaired_ratio([1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.2, 2.3])
    assert (three.low, three.high) == (None, None)
    assert four.low is not None
    assert four.high is not None
    assert four.low < four.estimate < four.high < 1


@pytest.mark.parametrize("bad", [[], [0.0], [-1.0], [math.inf], [math.nan]])
def test_times_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        unpaired_ratio(bad, [1.0])


@settings(deadline=None)
@given(TIMES, TIMES)
def test_the_interval_excludes_one_where_the_test_rejects(
    ours: list[float], theirs: list[float]
) -> None:
    found = unpaired_ratio(ours, theirs)
    if found.low is None or found.high is None or set(ours) & set(theirs):
        return
    # Two times may differ and have one logarithm; the test is of the times.
    excluded = found.low > 1 or found.high < 1
    assert excluded == (found.p <= 0.05) or 1 in {found.low, found.high}


@settings(deadline=None)
@given(TIMES, TIMES)
def test_estimate_and_interval_are_order_statistics_of_all_differences(
    ours: list[float], theirs: list[float]
) -> None:
    found = unpaired_ratio(ours, theirs)
    ratios = sorted(a / b for a in ours for b in theirs)
    middle = len(ratios) // 2
    assert found.estimate == pytest.approx(
        math.sqrt(ratios[middle] * ratios[-1 - middle]), rel=1e-9
    )
    if found.low is not None and found.high is not None:
        outside = min(
            range(len(ratios)), key=lambda place: abs(ratios[place] / (found.low or 1) - 1)
        )
        assert found.low == pytest.approx(ratios[outside], rel=1e-9)
        assert found.high == pytest.approx(ratios[-1 - outside], rel=1e-9)
