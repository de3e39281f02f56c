"""The statistics against independent oracles: scipy, brute force, and their own laws."""

from __future__ import annotations

import itertools
import math
import random
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.statistics.paired import (
    NO_INTERVAL,
    RatioEstimate,
    _centre_and_interval,
    _inverted,
    _pairwise_sums,
    hodges_lehmann,
    paired_ratio,
    signed_rank_p,
    verdict,
)

WHOLE = st.integers(-2000, 2000)
DISTINCT_SIZES = st.lists(WHOLE.filter(bool), min_size=6, max_size=16, unique_by=abs)
TIED = st.lists(st.integers(-4, 4), min_size=1, max_size=11)
EFFECT = 0.02


def as_logs(values: list[int]) -> list[float]:
    return [value / 1000 for value in values]


def brute_force_p(values: list[int]) -> float:
    """Count, over all sign patterns of the mid-ranks that were seen, those at least as far out."""
    ranks = scipy_stats.rankdata(np.abs(values)) * np.sign(values)
    patterns = np.array(list(itertools.product((-1, 1), repeat=len(values))))
    return float(np.mean(np.abs(patterns @ ranks) >= abs(ranks.sum()) - 1e-9))


@given(DISTINCT_SIZES)
@settings(deadline=None)
def test_p_is_the_exact_one_of_scipy(values: list[int]) -> None:
    expected = scipy_stats.wilcoxon(values, method="exact").pvalue
    assert signed_rank_p(as_logs(values)) == pytest.approx(expected, abs=1e-12)


@given(TIED)
@settings(deadline=None, max_examples=60)
def test_with_ties_and_zeros_p_counts_every_sign_pattern(values: list[int]) -> None:
    assert signed_rank_p(as_logs(values)) == pytest.approx(brute_force_p(values), abs=1e-12)


@given(st.lists(WHOLE, min_size=1, max_size=20))
@settings(deadline=None)
def test_the_estimate_is_the_median_of_pairwise_averages(values: list[int]) -> None:
    pairs = itertools.combinations_with_replacement(values, 2)
    assert hodges_lehmann(values) == median((a + b) / 2 for a, b in pairs)


@given(DISTINCT_SIZES)
@settings(deadline=None, max_examples=60)
def test_the_interval_is_where_scipys_exact_test_does_not_reject(values: list[int]) -> None:
    estimate = paired_ratio(as_logs(values))
    assert estimate.low is not None
    assert estimate.high is not None
    # Pairwise averages of thousandths are half a thousandth apart, or equal.
    aside = 0.0001
    for bound, outward in ((math.log(estimate.low), -aside), (math.log(estimate.high), aside)):
        inside = [value - (bound - outward) for value in as_logs(values)]
        outside = [value - (bound + outward) for value in as_logs(values)]
        degenerate = estimate.high / estimate.low < 1 + aside
        assert degenerate or scipy_stats.wilcoxon(inside, method="exact").pvalue > 0.05
        assert scipy_stats.wilcoxon(outside, method="exact").pvalue <= 0.05


@given(st.lists(st.integers(-4, 4), min_size=6, max_size=9))
@settings(deadline=None, max_examples=60)
def test_with_ties_the_interval_holds_every_centre_that_is_not_rejected(values: list[int]) -> None:
    if len(set(values)) == len(values):
        return
    estimate = paired_ratio(as_logs(values))
    assert estimate.low is not None
    assert estimate.high is not None
    # Every half, where averages lie, and every quarter, between them; in whole numbers.
    for quarter in range(-4 * 5, 4 * 5 + 1):
        if brute_force_p([4 * value - quarter for value in values]) > 0.05:
            centre = quarter / 4000
            assert math.log(estimate.low) - 1e-9 <= centre
            assert math.log(estimate.high) + 1e-9 >= centre


@given(st.one_of(DISTINCT_SIZES, st.lists(st.integers(-4, 4), min_size=6, max_size=40)))
@settings(deadline=None)
def test_the_interval_holds_the_estimate(values: list[int]) -> None:
    estimate = paired_ratio(as_logs(values))
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.estimate <= estimate.high


@given(st.lists(WHOLE, min_size=6, max_size=20))
@settings(deadline=None)
def test_turning_a_ratio_round_mirrors_everything(values: list[int]) -> None:
    one = paired_ratio(as_logs(values))
    other = paired_ratio([-value for value in as_logs(values)])
    assert one.low is not None
    assert one.high is not None
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-12)
    assert (other.low, other.high) == pytest.approx((1 / one.high, 1 / one.low), rel=1e-12)
    assert other.p == one.p
    mirrored = {"faster": "slower", "slower": "faster"}
    judged = verdict(one, EFFECT)
    assert verdict(other, EFFECT) == mirrored.get(judged, judged)


@given(st.lists(WHOLE, min_size=6, max_size=20), st.integers(-3000, 3000))
@settings(deadline=None)
def test_a_machine_twice_as_fast_on_one_side_doubles_ratio_and_interval(
    values: list[int], shift: int
) -> None:
    one = paired_ratio(as_logs(values))
    other = paired_ratio([value + shift / 1000 for value in as_logs(values)])
    factor = math.exp(shift / 1000)
    ends = [one.estimate, one.low, one.high]
    moved = [other.estimate, other.low, other.high]
    assert moved == pytest.approx([end * factor for end in ends if end is not None], rel=1e-9)


@pytest.mark.parametrize(("blocks", "promised"), [(6, 0.96875), (10, 0.951171875)])
def test_the_interval_covers_the_truth_as_often_as_promised(blocks: int, promised: float) -> None:
    dice = random.Random(blocks)
    trials = 1500
    covered = 0
    for _ in range(trials):
        # Heavy tails, as launches have them; symmetric, so that the truth is 0.
        logs = [dice.gauss(0, 0.02) * (5 if dice.random() < 0.1 else 1) for _ in range(blocks)]
        estimate = paired_ratio(logs)
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 1 <= estimate.high
    assert covered / trials == pytest.approx(promised, abs=0.02)


def test_a_coarse_clock_does_not_make_the_interval_overconfident() -> None:
    dice = random.Random(4)
    trials = 600
    covered = 0
    for _ in range(trials):
        estimate = paired_ratio([round(dice.gauss(0, 0.02), 2) for _ in range(10)])
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 1 <= estimate.high
    assert covered / trials > 0.94


def test_below_six_blocks_there_is_a_ratio_and_no_interval() -> None:
    estimate = paired_ratio([math.log(2)] * 5)
    assert estimate.estimate == pytest.approx(2)
    assert (estimate.low, estimate.high) == (None, None)
    assert verdict(estimate, EFFECT) == NO_INTERVAL


def test_identical_blocks_give_an_interval_of_one_point() -> None:
    estimate = paired_ratio([math.log(4)] * 6)
    assert estimate.low == estimate.estimate == estimate.high
    assert estimate.p == 2 / 2**6
    assert verdict(estimate, EFFECT) == "faster"


def test_hundreds_of_blocks_are_estimated_too() -> None:
    dice = random.Random(2)
    logs = [dice.gauss(0.02, 0.1) for _ in range(300)]
    estimate = paired_ratio(logs)
    expected = scipy_stats.wilcoxon(logs, method="asymptotic", correction=False).pvalue
    assert estimate.p == pytest.approx(expected, rel=1e-6)
    assert "approximation" in estimate.method


@pytest.mark.parametrize("broken", [[math.inf], [math.nan, 0.1], []])
def test_what_is_not_a_log_ratio_is_refused(broken: list[float]) -> None:
    with pytest.raises(ValueError):
        paired_ratio(broken)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (1.50, 1.40, 1.60, "faster"),
        (0.50, 0.40, 0.60, "slower"),
        (1.00, 0.99, 1.01, "same"),
        (1.01, 1.005, 1.015, "same"),
        (1.01, 0.97, 1.05, "unclear"),
        (1.50, 0.99, 2.20, "unclear"),
        (1.015, 1.005, 1.03, "unclear"),
        (1.02, 1.001, 1.04, "faster"),
        (1 / 1.02, 1 / 1.04, 1 / 1.001, "slower"),
    ],
)
def test_a_verdict_needs_the_interval_and_the_effect(
    estimate: float, low: float, high: float, expected: str
) -> None:
    judged = verdict(RatioEstimate(estimate, low, high, 0.01, 10, "made up"), EFFECT)
    assert judged == expected


def test_never_same_for_want_of_blocks() -> None:
    wide = paired_ratio([-0.3, 0.3, -0.2, 0.2, -0.1, 0.1])
    assert verdict(wide, EFFECT) == "unclear"


@given(st.lists(WHOLE, min_size=6, max_size=24, unique=True))
@settings(deadline=None)
def test_the_places_of_the_interval_are_those_that_inverting_the_test_finds(
    values: list[int],
) -> None:
    sums = _pairwise_sums(values)
    low, high = _inverted(values, sums, median(sums))
    assert _centre_and_interval(values)[1:] == (low, high)
