"""The noise of simulated runs: drift, launches of two kinds, autocorrelation, outliers.

    log(time of a sample) = drift + launch + autocorrelated sample + outlier

Drift is a walk of one step per launch of the bench, and a ramp while it warms up; both arms of a
pair live on the same one. Between them and beside them other cells of the block are launched, all
in random order. What a whole night does to all of its times alike cancels in every ratio, and is
left out. A launch has a level of its own, and some launches of some cells are in a slow mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

SAMPLES = 100
LAUNCHES_PER_BLOCK = 8
_ARMS = 2
_WARM_AFTER_LAUNCHES = 20
_OUTLIER_SCALE = 0.3
_WHOLE_MIX = 20


@dataclass(frozen=True, slots=True)
class Noise:
    """How times of one kind of cell vary, as shares of the time.

    `walk_sd` is of a step from one launch to the next, `ramp` how much slower the bench becomes
    while it warms up, `slow_share` the chance of a launch that is `slow_by` slower, `rho` the
    correlation of a sample with the one before.
    """

    name: str
    launch_sd: float = 0.01
    sample_sd: float = 0.03
    rho: float = 0.0
    outlier_share: float = 0.0
    slow_share: float = 0.0
    slow_by: float = 0.08
    walk_sd: float = 0.0
    ramp: float = 0.0


PLAIN = Noise("plain: launches and samples alone")
ALONE = (
    PLAIN,
    replace(PLAIN, name="drift alone", walk_sd=0.002, ramp=0.04),
    replace(PLAIN, name="bimodal launches alone", slow_share=0.25),
    replace(PLAIN, name="autocorrelation alone", rho=0.7),
    replace(PLAIN, name="outliers alone", outlier_share=0.05),
)
"""Each ingredient by itself, on top of plain noise."""

_DRIFTING = Noise("typical", rho=0.5, outlier_share=0.02, walk_sd=0.002, ramp=0.04)
MIX: tuple[tuple[Noise, float], ...] = (
    (replace(_DRIFTING, name="quiet", launch_sd=0.003, sample_sd=0.01, rho=0.3), 0.30),
    (_DRIFTING, 0.40),
    (replace(_DRIFTING, name="bimodal", slow_share=0.25), 0.15),
    (replace(_DRIFTING, name="noisy", launch_sd=0.03, sample_sd=0.08, rho=0.7), 0.15),
)
"""Kinds of cells, and the share of each among all."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Times of pairs of identical arms, as logarithms.

    `levels` has a value per pair, arm and block; `samples` the deviations of the samples from it,
    with one axis more.
    """

    levels: NDArray[np.float64]
    samples: NDArray[np.float32]

    def medians(self) -> NDArray[np.float64]:
        """Return the median of each launch: pairs × arms × blocks."""
        found: NDArray[np.float64] = self.levels + np.median(self.samples, axis=-1)
        return found

    def log_ratios(self) -> NDArray[np.float64]:
        """Return the log ratio of the launches' medians, second arm over first, in each block."""
        medians = self.medians()
        return medians[:, 1] - medians[:, 0]

    def pooled(self) -> NDArray[np.float64]:
        """Return all samples of an arm in one row, as if they were independent."""
        every = self.levels[..., None] + self.samples
        return every.reshape(*every.shape[:2], -1)


def draw(
    noise: Noise,
    pairs: int,
    blocks: int,
    dice: np.random.Generator,
    *,
    interleaved: bool = True,
) -> Pairs:
    """Return pairs of identical arms; not interleaved, all of the first arm come first."""
    shape = (pairs, _ARMS, blocks)
    levels = dice.normal(0, noise.launch_sd, shape)
    levels += noise.slow_by * (dice.random(shape) < noise.slow_share)
    levels += _drift(noise, pairs, blocks, dice, interleaved=interleaved)
    return Pairs(levels, _samples(noise, shape, dice))


def of_mix(total: int) -> list[tuple[Noise, int]]:
    """Return how many of so many cells are of each kind.

    Raises:
        ValueError: the shares of the mix do not divide that number.
    """
    if total % _WHOLE_MIX:
        message = f"the mix does not divide {total} cells; take a multiple of {_WHOLE_MIX}"
        raise ValueError(message)
    return [(noise, round(share * total)) for noise, share in MIX]


def chunks(total: int, most: int = 500) -> Sequence[int]:
    """Return a number as a sum of numbers that fit into memory."""
    whole, rest = divmod(total, most)
    return [most] * whole + [rest] * (rest > 0)


def _drift(
    noise: Noise, pairs: int, blocks: int, dice: np.random.Generator, *, interleaved: bool
) -> NDArray[np.float64]:
    launches = blocks * LAUNCHES_PER_BLOCK
    path = np.cumsum(dice.normal(0, noise.walk_sd, (pairs, launches)), axis=1)
    path += noise.ramp * (1 - np.exp(-np.arange(launches) / _WARM_AFTER_LAUNCHES))
    if interleaved:
        order = dice.random((pairs, blocks, LAUNCHES_PER_BLOCK)).argsort(axis=2)[..., :_ARMS]
        at = (np.arange(blocks)[:, None] * LAUNCHES_PER_BLOCK + order).transpose(0, 2, 1)
    else:
        apart = np.arange(_ARMS * blocks).reshape(_ARMS, blocks) * (LAUNCHES_PER_BLOCK // _ARMS)
        at = np.broadcast_to(apart, (pairs, _ARMS, blocks))
    drift: NDArray[np.float64] = np.take_along_axis(path, at.reshape(pairs, -1), axis=1)
    return drift.reshape(at.shape)


def _samples(
    noise: Noise, shape: tuple[int, ...], dice: np.random.Generator
) -> NDArray[np.float32]:
    fresh = dice.standard_normal((*shape, SAMPLES), dtype=np.float32)
    if noise.rho:
        # The first one is as wide as all that follow.
        fresh[..., 0] /= np.sqrt(1 - noise.rho**2)
        gain = np.array([np.sqrt(1 - noise.rho**2)], np.float32)
        back = np.array([1, -noise.rho], np.float32)
        fresh = lfilter(gain, back, fresh, axis=-1)
    samples: NDArray[np.float32] = (noise.sample_sd * fresh).astype(np.float32)
    if noise.outlier_share:
        struck = dice.random(samples.shape, dtype=np.float32) < noise.outlier_share
        samples[struck] += dice.exponential(_OUTLIER_SCALE, int(struck.sum())).astype(np.float32)
    return samples
