"""What a method says of many pairs at once, and the methods that others use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from nights.noise import Pairs

MIN_EFFECT = 0.02
LEVEL = 0.05
_RESAMPLES = 500

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """Of each pair: whether a difference was found, and called slower or faster; the interval.

    `low` and `high` are logarithms of time ratios, second arm over first; None where the method
    has no interval.
    """

    found: Flags
    slower: Flags
    faster: Flags
    low: Numbers | None = None
    high: Numbers | None = None


def of_interval(estimate: Numbers, low: Numbers, high: Numbers) -> Told:
    """Judge by whether an interval excludes no change, and by the least effect."""
    return _judged(estimate, (low > 0) | (high < 0), low, high)


def pooled_t(pairs: Pairs, effect: float) -> Told:
    """Student's t over all samples of all launches, as pyperf pools them."""
    pooled = pairs.pooled()
    count = pooled.shape[-1]
    estimate = pooled[:, 1].mean(axis=1) - pooled[:, 0].mean(axis=1) + effect
    error = np.sqrt(pooled.var(axis=2, ddof=1).sum(axis=1) / count)
    half = error * stats.t.ppf(1 - LEVEL / 2, 2 * count - 2)
    return of_interval(estimate, estimate - half, estimate + half)


def pooled_mann_whitney(pairs: Pairs, effect: float) -> Told:
    """Mann and Whitney's test over all samples, as benchstat and asv do when given them."""
    pooled = pairs.pooled()
    pooled[:, 1] += effect
    count = pooled.shape[-1]
    order = pooled.reshape(len(pooled), -1).argsort(axis=1)
    ranks = np.arange(1, 2 * count + 1)
    statistic = ((order >= count) * ranks).sum(axis=1) - count * (count + 1) / 2
    spread = math.sqrt(count * count * (2 * count + 1) / 12)
    z = np.abs(statistic - count * count / 2) / spread
    medians = np.median(pooled, axis=2)
    return _judged(medians[:, 1] - medians[:, 0], 2 * special.ndtr(-z) < LEVEL)


def pooled_bootstrap(pairs: Pairs, effect: float) -> Told:
    """Percentile bootstrap of the medians of all samples, as criterion pools them.

    The median of a resample is an order statistic whose place among the sorted samples is a beta
    variable, so nothing is resampled.
    """
    pooled = np.sort(pairs.pooled(), axis=2)
    count = pooled.shape[-1]
    # The same places for every call: the method must not draw from the noise of the nights.
    dice = np.random.default_rng(1)
    at = (count * dice.beta(count // 2, count - count // 2 + 1, (2, _RESAMPLES))).astype(int)
    resampled = pooled[:, 1][:, at[1]] - pooled[:, 0][:, at[0]] + effect
    low, high = np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2], axis=1)
    medians = np.median(pooled, axis=2)
    return of_interval(medians[:, 1] - medians[:, 0] + effect, low, high)


def launches_welch(pairs: Pairs, effect: float) -> Told:
    """Welch's t over launch medians that forgets their blocks, as tachometer does with means."""
    medians = pairs.medians()
    blocks = medians.shape[-1]
    parts = medians.var(axis=2, ddof=1) / blocks
    error = np.sqrt(parts.sum(axis=1))
    freedom = error**4 / ((parts**2).sum(axis=1) / (blocks - 1))
    estimate = medians[:, 1].mean(axis=1) - medians[:, 0].mean(axis=1) + effect
    half = error * stats.t.ppf(1 - LEVEL / 2, freedom)
    return of_interval(estimate, estimate - half, estimate + half)


def _judged(
    estimate: Numbers, found: Flags, low: Numbers | None = None, high: Numbers | None = None
) -> Told:
    least = math.log1p(MIN_EFFECT)
    return Told(found, found & (estimate >= least), found & (estimate <= -least), low, high)
