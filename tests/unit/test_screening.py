"""The gate's two stages: Student's t is scipy's, and an alarm needs new blocks that all agree."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.statistics.paired import signed_rank_p_above
from harness.statistics.screening import CONFIRM_BLOCKS, SCREEN_BLOCKS, confirm, reach, screen
from harness.statistics.student_t import mean_and_t, p_above, p_two_sided

LOGS = st.lists(st.integers(-90, 90).map(lambda n: n / 1000), min_size=2, max_size=20)


@settings(deadline=None)
@given(st.floats(-40, 40), st.integers(1, 120))
def test_the_distribution_of_t_is_scipys(t: float, freedom: int) -> None:
    # Near 0 it is scipy that is off: its value for t = 1e-6 differs from the arctangent by 1e-11.
    assert p_above(t, freedom) == pytest.approx(scipy_stats.t.sf(t, freedom), abs=1e-9)
    expected = 2 * scipy_stats.t.sf(abs(t), freedom)
    assert p_two_sided(t, freedom) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(LOGS)
def test_t_of_a_mean_is_scipys(logs: list[float]) -> None:
    mean, t = mean_and_t(logs)
    assert mean == pytest.approx(sum(logs) / len(logs), abs=1e-15)
    if len(set(logs)) > 1:
        assert t == pytest.approx(scipy_stats.ttest_1samp(logs, 0).statistic, rel=1e-9)


def test_values_that_are_all_one_have_an_infinite_t_or_none() -> None:
    assert mean_and_t([0.1, 0.1, 0.1]) == (0.1, math.inf)
    assert mean_and_t([-0.1, -0.1]) == (-0.1, -math.inf)
    assert mean_and_t([0.0, 0.0]) == (0.0, 0.0)
    assert p_above(math.inf, 1) == 0
    with pytest.raises(ValueError, match="two values"):
        mean_and_t([1.0])
    with pytest.raises(ValueError, match="degree"):
        p_above(1.0, 0)


@settings(deadline=None)
@given(LOGS)
def test_one_sided_ranks_are_scipys(logs: list[float]) -> None:
    if 0 in logs or len({abs(log) for log in logs}) < len(logs):
        return
    expected = scipy_stats.wilcoxon(logs, method="exact", alternative="greater").pvalue
    assert signed_rank_p_above(logs) == pytest.approx(expected, abs=1e-12)


def test_one_sided_ranks_of_hundreds_of_blocks_are_close_to_exact() -> None:
    dice = random.Random(3)
    logs = [dice.gauss(0.005, 0.1) for _ in range(300)]
    expected = scipy_stats.wilcoxon(
        logs, method="asymptotic", correction=False, alternative="greater"
    ).pvalue
    assert signed_rank_p_above(logs) == pytest.approx(expected, rel=1e-6)
    assert signed_rank_p_above([0.0, 0.0]) == 1


def around(effect: float, spread: float, blocks: int, seed: int) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(math.log1p(effect), spread) for _ in range(blocks)]


def test_the_screen_flags_what_became_slower_and_only_asked_for_what_became_faster() -> None:
    slower = around(0.05, 0.005, SCREEN_BLOCKS, 1)
    faster = [-log for log in slower]
    assert screen(slower)
    assert not screen(faster)
    assert screen(faster, two_sided=True)
    assert screen(slower, two_sided=True)


def test_the_screen_asks_for_one_percent_however_sure_it_is() -> None:
    assert not screen([0.009] * 6)
    assert screen([math.log1p(0.01)] * 6)


def test_the_screen_is_one_of_ten_at_most_where_nothing_changed() -> None:
    dice = random.Random(5)
    rounds = 3000
    flagged = sum(screen([dice.gauss(0, 0.05) for _ in range(6)]) for _ in range(rounds))
    # The effect that it asks for takes a share off; three standard errors are 0.016.
    assert 0.06 < flagged / rounds < 0.116


def test_too_few_blocks_cannot_clear_a_cell() -> None:
    assert screen([])
    assert screen([-0.5])
    with pytest.raises(ValueError, match="finite"):
        screen([math.nan, 0.1])


def test_a_slowdown_is_confirmed_with_its_size_and_interval() -> None:
    found = confirm({"slow": around(0.05, 0.01, CONFIRM_BLOCKS, 2)}, min_effect=0.02)["slow"]
    assert found.confirmed
    assert found.estimate == pytest.approx(1.05, abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high
    assert found.p_adjusted == 1 / 2**12


def test_what_became_faster_or_stayed_is_not_confirmed() -> None:
    cells = {"faster": around(-0.05, 0.01, 12, 3), "same": around(0, 0.01, 12, 4)}
    judged = confirm(cells, min_effect=0.02)
    assert not any(found.confirmed for found in judged.values())
    assert judged["faster"].estimate < 1


def test_a_sure_slowdown_below_the_least_effect_is_not_confirmed() -> None:
    small = around(0.012, 0.001, 12, 5)
    assert not confirm({"small": small}, min_effect=0.02)["small"].confirmed
    assert confirm({"small": small}, min_effect=0.01)["small"].confirmed


def test_each_cell_beside_it_makes_a_confirmation_harder() -> None:
    slow = around(0.05, 0.04, CONFIRM_BLOCKS, 6)
    quiet = {f"quiet {n}": around(0, 0.02, 12, 100 + n) for n in range(30)}
    alone = confirm({"slow": slow}, min_effect=0.02)["slow"]
    among = confirm({"slow": slow, **quiet}, min_effect=0.02)["slow"]
    assert among.p_adjusted == pytest.approx(min(1.0, 31 * alone.p_adjusted))


def test_more_flagged_cells_than_the_blocks_reach_are_never_confirmed() -> None:
    assert reach(204) == CONFIRM_BLOCKS
    assert reach(205) == CONFIRM_BLOCKS + 1
    assert reach(0) == 0
    sure = {n: [0.1 + n / 1e4 + block / 1e6 for block in range(12)] for n in range(205)}
    assert not any(found.confirmed for found in confirm(sure, min_effect=0.02).values())
    del sure[0]
    assert all(found.confirmed for found in confirm(sure, min_effect=0.02).values())


def test_nothing_flagged_is_nothing_to_confirm() -> None:
    assert confirm({}, min_effect=0.02) == {}
