"""Student's t test that values have the mean 0, exact for normal values.

The distribution of t is the finite sum that holds for whole degrees of freedom (Abramowitz and
Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4), so it needs no library. What is
1 minus that sum is right to some 10⁻¹⁵, not to as many digits: enough to compare with a level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean_and_t(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its t; t is infinite where all values are one that is not 0.

    Raises:
        ValueError: there are fewer than two values.
    """
    if len(values) < 2:
        message = "Student's t needs at least two values"
        raise ValueError(message)
    if all(value == values[0] for value in values):
        # Their mean is that value, and no rounding of a sum must give them a spread.
        return values[0], math.copysign(math.inf, values[0]) if values[0] else 0.0
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    error = math.sqrt(squares / (len(values) - 1) / len(values))
    return mean, mean / error if error else math.copysign(math.inf, mean)


def p_within(t: float, freedom: int) -> float:
    """Return how likely |T| is at most |t|, for T with `freedom` whole degrees of freedom.

    Raises:
        ValueError: `freedom` is below 1.
    """
    if freedom < 1:
        message = "Student's t has at least one degree of freedom"
        raise ValueError(message)
    angle = math.atan2(abs(t), math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    # Odd: cos + 2/3 cos³ + 2·4/(3·5) cos⁵ + …; even: 1 + 1/2 cos² + 1·3/(2·4) cos⁴ + …
    term = cosine if odd else 1.0
    terms = [term] if freedom > 1 else []
    for power in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        terms.append(term)
    series = sine * math.fsum(terms)
    return 2 / math.pi * (angle + series) if odd else series


def p_two_sided(t: float, freedom: int) -> float:
    """Return how likely |T| is at least |t|."""
    return max(0.0, 1 - p_within(t, freedom))


def p_above(t: float, freedom: int) -> float:
    """Return how likely T is at least t."""
    beyond = p_two_sided(t, freedom) / 2
    return beyond if t >= 0 else 1 - beyond
