"""Change points are told where there are some, dated right, and nowhere else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.statistics.change_points import (
    LEAST_BEFORE,
    change_points,
    changes_of_a_night,
    discoveries,
    rank_cusum,
)

levels = st.floats(min_value=1e-6, max_value=1e6)


def noisy(seed: int, nights: int, deviation: float = 0.01) -> list[float]:
    dice = random.Random(seed)
    return [dice.lognormvariate(0, deviation) for _ in range(nights)]


@settings(deadline=None, max_examples=30)
@given(levels, st.integers(1, 150))
def test_a_constant_history_has_no_change(level: float, nights: int) -> None:
    assert change_points([level] * nights) == ()


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 10_000),
    st.integers(LEAST_BEFORE, 80),
    st.floats(min_value=1.05, max_value=5),
    st.booleans(),
)
def test_a_clear_step_is_told_once_three_nights_later_and_dated_right(
    seed: int, at: int, factor: float, down: bool
) -> None:
    step = 1 / factor if down else factor
    quiet = noisy(seed, at + 20, 0.0005)
    values = [value * (step if night >= at else 1) for night, value in enumerate(quiet)]
    (change,) = change_points(values)
    assert (change.at, change.seen) == (at, at + 2)
    assert change.rule == "three nights in a row"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([2.0**-30, 0.5, 1024.0, 2.0**40]))
def test_the_unit_of_a_history_does_not_matter(seed: int, scale: float) -> None:
    values = [value * (1.1 if night >= 40 else 1) for night, value in enumerate(noisy(seed, 70))]
    seen = [(c.at, c.seen, c.rule) for c in change_points(values)]
    scaled = [(c.at, c.seen, c.rule) for c in change_points([v * scale for v in values])]
    assert scaled == seen
    assert seen


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_slower_and_faster_are_told_alike(seed: int) -> None:
    values = [value * (1.1 if night >= 40 else 1) for night, value in enumerate(noisy(seed, 70))]
    mirrored = [1 / value for value in values]
    assert [c.at for c in change_points(mirrored)] == [c.at for c in change_points(values)]


def test_a_single_bad_night_is_no_change() -> None:
    values = noisy(3, 60, 0.005)
    values[40] *= 1.5
    values[50] *= 1.5
    values[51] *= 1.5
    assert change_points(values) == ()


def test_a_step_back_is_a_second_change() -> None:
    base = noisy(5, 60, 0.001)
    values = [value * (1.2 if 20 <= night < 40 else 1) for night, value in enumerate(base)]
    assert [change.at for change in change_points(values)] == [20, 40]


def test_a_step_below_four_deviations_is_found_by_ranks_within_two_weeks() -> None:
    dice = random.Random(11)
    values = [dice.lognormvariate(0, 0.012) * (1.035 if night >= 45 else 1) for night in range(60)]
    (change,) = change_points(values)
    assert change.rule == "rank-CUSUM"
    assert change.p is not None
    assert change.p < 0.05
    assert abs(change.at - 45) <= 5


def test_an_effect_below_two_percent_is_no_change_however_sure_it_is() -> None:
    base = noisy(7, 80, 0.0002)
    values = [value * (1.015 if night >= 40 else 1) for night, value in enumerate(base)]
    assert change_points(values) == ()


def test_nothing_is_told_before_there_are_enough_nights_before() -> None:
    values = [1.0] * (LEAST_BEFORE - 1) + [2.0] * 3
    assert change_points(values) == ()
    assert [c.at for c in change_points([1.0] * LEAST_BEFORE + [2.0] * 3)] == [LEAST_BEFORE]


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_what_has_no_logarithm_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        change_points([1.0, value])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.2]))
def test_discoveries_are_those_of_benjamini_and_hochberg(p: list[float], rate: float) -> None:
    found = discoveries(dict(enumerate(p)), rate)
    adjusted = stats.false_discovery_control(p)
    expected = {place for place, value in enumerate(adjusted) if value <= rate}
    # An adjusted p right at the rate may fall on either side by rounding.
    doubtful = {place for place, value in enumerate(adjusted) if abs(value - rate) < 1e-9}
    assert set(found) ^ expected <= doubtful


def test_p_of_the_cumulative_sum_is_kolmogorovs_where_nights_are_independent() -> None:
    # Known answer: 50 ranks in perfect order, halves apart; sum 625, variance (50² - 1) / 12.
    row = [float(night) for night in range(50)]
    shuffled = row[:]
    random.Random(2).shuffle(shuffled)
    p, _ = rank_cusum(shuffled)
    assert 0.05 < p <= 1
    low = [value % 25 for value in shuffled[:25]]
    p, at = rank_cusum([*low, *(value + 100 for value in low)])
    statistic = 625 / 2 / (((50**2 - 1) / 12) * 50) ** 0.5 * 1.0
    assert at == 25
    assert p < 1e-4
    assert stats.kstwobign.sf(2 * statistic) < 1e-4


def test_false_alarms_are_rare_where_nothing_changes() -> None:
    # 200 cells × 60 nights, of which 47 are judged: the rate measured in benchmarks is a few of
    # these; a rule that compares neighbouring nights has hundreds.
    alarms = sum(len(change_points(noisy(seed, 60))) for seed in range(200))
    assert alarms <= 20


def test_a_night_of_many_cells_holds_false_discoveries_down_over_all_of_them() -> None:
    dice = random.Random(11)
    row = [dice.gauss(0, 0.012) + (0.0344 if night >= 47 else 0) for night in range(60)]
    alone = changes_of_a_night({"a": row})
    among = changes_of_a_night({"a": row, **{n: noise(n) for n in range(400)}})
    assert "a" in alone
    assert alone["a"].rule == "rank-CUSUM"
    assert "a" not in among or (among["a"].p or 0) < 0.05 / 401 * 2


def noise(seed: int) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(0, 0.012) for _ in range(60)]
