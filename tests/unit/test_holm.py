"""Holm's rule against its own stepwise wording, and how many blocks a family needs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from harness.statistics.holm import blocks_needed, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def rejected_step_by_step(p_values: list[float], level: float) -> set[int]:
    """The rule as Holm wrote it: go on to the next smallest as long as each step rejects."""
    found: set[int] = set()
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[number] > level / (len(p_values) - place):
            return found
        found.add(number)
    return found


@settings(deadline=None)
@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.1]))
def test_an_adjusted_p_says_what_the_steps_say(p_values: list[float], level: float) -> None:
    adjusted = holm(dict(enumerate(p_values)))
    # Where a step is met to the last bit, division and product may round to two answers.
    if any(abs(p - level) < 1e-12 for p in adjusted.values()):
        return
    assert {n for n, p in adjusted.items() if p <= level} == rejected_step_by_step(p_values, level)


@settings(deadline=None)
@given(P_VALUES)
def test_adjusting_keeps_names_and_order_and_never_makes_a_p_smaller(
    p_values: list[float],
) -> None:
    adjusted = holm(dict(enumerate(p_values)))
    assert list(adjusted) == list(range(len(p_values)))
    by_size = sorted(adjusted, key=p_values.__getitem__)
    assert [adjusted[n] for n in by_size] == sorted(adjusted.values())
    assert all(p_values[n] <= p <= 1 for n, p in adjusted.items())


def test_a_family_of_one_is_not_adjusted() -> None:
    assert holm({"only": 0.03}) == {"only": 0.03}
    assert holm({}) == {}


def test_any_false_rejection_is_as_rare_as_promised() -> None:
    dice = random.Random(7)
    nights = 4000
    any_false = sum(
        min(holm({n: dice.random() for n in range(20)}).values()) <= 0.05 for _ in range(nights)
    )
    # 1 - (1 - .05/20)^20 is 0.0488; three standard errors are 0.0102.
    assert any_false / nights == pytest.approx(0.0488, abs=0.0102)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("tests", [1, 2, 5, 12, 24, 204, 205, 1000])
def test_with_the_blocks_needed_the_first_step_is_reached_and_with_one_less_it_is_not(
    tests: int, sides: int
) -> None:
    needed = blocks_needed(tests, sides=sides)

    def least(blocks: int) -> float:
        side = "two-sided" if sides == 2 else "greater"
        values = [float(n) for n in range(1, blocks + 1)]
        return float(wilcoxon(values, method="exact", alternative=side).pvalue)

    assert tests * least(needed) <= 0.05
    assert tests * least(needed - 1) > 0.05


def test_one_comparison_needs_six_blocks_and_a_table_of_twenty_four_needs_ten() -> None:
    assert (blocks_needed(1), blocks_needed(24)) == (6, 10)
    with pytest.raises(ValueError, match="at least one"):
        blocks_needed(0)
