"""The proof of the statistics, in small: its noise is what it says, and its rules are ours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from nights.gate import KEYS, nights
from nights.looks import stopped
from nights.noise import ALONE, MIX, Noise, draw, of_mix
from nights.pairs import APART, METHODS, OURS, tallies
from nights.shares import Claim, Share
from nights.told import launches_welch, pooled_bootstrap, pooled_mann_whitney, pooled_t
from scipy import stats

from harness.statistics.screening import CONFIRM_BLOCKS, SCREEN_BLOCKS

QUIET, TYPICAL, BIMODAL, NOISY = (noise for noise, _ in MIX)


def test_autocorrelated_samples_are_as_wide_as_said_and_resemble_the_one_before() -> None:
    samples = draw(Noise("n", sample_sd=0.05, rho=0.7), 50, 4, np.random.default_rng(1)).samples
    assert float(samples.std()) == pytest.approx(0.05, rel=0.03)
    one, next_one = samples[..., :-1].ravel(), samples[..., 1:].ravel()
    assert np.corrcoef(one, next_one)[0, 1] == pytest.approx(0.7, abs=0.02)


def test_a_quarter_of_bimodal_launches_is_slow_and_drift_separates_what_is_not_interleaved() -> (
    None
):
    dice = np.random.default_rng(2)
    levels = draw(Noise("b", launch_sd=0.001, slow_share=0.25), 200, 10, dice).levels
    assert np.mean(levels > 0.04) == pytest.approx(0.25, abs=0.03)
    drifting = Noise("d", launch_sd=0, sample_sd=1e-6, walk_sd=0.002, ramp=0.04)
    together = draw(drifting, 200, 10, dice).log_ratios().mean(axis=1)
    apart = draw(drifting, 200, 10, dice, interleaved=False).log_ratios().mean(axis=1)
    assert abs(together.mean()) < 0.002
    assert apart.mean() > 0.01


def test_the_mix_has_whole_numbers_of_cells() -> None:
    assert [count for _, count in of_mix(200)] == [60, 80, 30, 30]
    with pytest.raises(ValueError, match="multiple"):
        of_mix(7)


def test_the_methods_of_others_are_theirs() -> None:
    pairs = draw(TYPICAL, 12, 10, np.random.default_rng(3))
    for one, (first, second) in enumerate(pairs.pooled()):
        shifted = second + 0.01
        p = stats.ttest_ind(first, shifted).pvalue
        assert pooled_t(pairs, 0.01).found[one] == (p < 0.05)
        p = stats.mannwhitneyu(first, shifted, use_continuity=False, method="asymptotic").pvalue
        assert pooled_mann_whitney(pairs, 0.01).found[one] == (p < 0.05)
        medians = pairs.medians()[one]
        p = stats.ttest_ind(medians[0], medians[1] + 0.01, equal_var=False).pvalue
        assert launches_welch(pairs, 0.01).found[one] == (p < 0.05)
    told = pooled_bootstrap(pairs, 0.01)
    assert told.low is not None
    assert told.high is not None
    resampled = stats.bootstrap(
        tuple(pairs.pooled()[0]),
        lambda a, b, axis: np.median(b, axis=axis) - np.median(a, axis=axis),
        n_resamples=400,
        method="percentile",
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert told.low[0] - 0.01 == pytest.approx(resampled.low, abs=0.0008)
    assert told.high[0] - 0.01 == pytest.approx(resampled.high, abs=0.0008)


def test_ours_is_quiet_on_identical_pairs_and_pooling_or_parting_them_is_not() -> None:
    found = tallies(of_mix(400), 10, np.random.default_rng(5), effects=(0.0, 0.1))
    assert found[OURS].share("called", 0.0).value < 0.04
    assert 0.91 < found[OURS].share("covered", 0.0).value < 0.99
    assert found[OURS].share("slower", 0.1).value > 0.95
    for name in METHODS:
        if "pooled" in name:
            assert found[name].share("found", 0.0).value > 0.15
    assert found[APART].share("called", 0.0).value > 0.1


def test_the_gate_is_quiet_on_quiet_nights_and_finds_slowdowns() -> None:
    quiet = nights(15, 0.0, np.random.default_rng(6))
    assert quiet.alarmed.hits <= 3
    assert 5 < quiet.flagged_a_night < 30
    slow = nights(6, 0.1, np.random.default_rng(7))
    assert slow.caught.trials == 60
    assert slow.caught.value > 0.9


def test_sampling_by_width_takes_no_more_blocks_than_it_needs() -> None:
    quiet = stopped([(QUIET, 60)], 0.0, np.random.default_rng(8))
    noisy = stopped([(NOISY, 60)], 0.0, np.random.default_rng(8))
    assert quiet.mean_blocks == 6
    assert noisy.mean_blocks > 20
    assert quiet.called.hits == 0


def test_every_ingredient_is_alone() -> None:
    plain, *others = ALONE
    for noise in others:
        changed = {
            name
            for name in Noise.__slots__
            if name != "name" and getattr(noise, name) != getattr(plain, name)
        }
        assert changed in ({"walk_sd", "ramp"}, {"slow_share"}, {"rho"}, {"outlier_share"})


def test_a_claim_needs_its_whole_monte_carlo_interval() -> None:
    assert Claim("few", Share(10, 1000), most=0.02).shown
    assert not Claim("just", Share(19, 1000), most=0.02).shown
    assert not Claim("many", Share(30, 1000), most=0.02).shown
    assert Claim("found", Share(800, 1000), least=0.75).shown
    assert not Claim("found", Share(760, 1000), least=0.75).shown
    assert "NOT SHOWN" in str(Claim("many", Share(30, 1000), most=0.02))


def test_the_error_of_a_share_is_wilsons() -> None:
    share = Share(3, 200)
    expected = stats.binomtest(3, 200).proportion_ci(0.95, method="wilson")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-5)
    assert math.isclose(share.error, (share.high - share.low) / 2)


def test_the_gates_defaults_are_those_of_its_rule() -> None:
    assert (KEYS.blocks, KEYS.confirm_blocks) == (SCREEN_BLOCKS, CONFIRM_BLOCKS)
