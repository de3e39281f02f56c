"""How good a model's answers are on a small labelled set: the metrics, with intervals.

A labelled set is an `.npz` archive: an array per input of the model, named as the input, whose
first axis counts the examples, and `labels`, one whole number per example. Scores are formed
from the model's first output: its last axis holds the classes or the candidates.

Shares (accuracy, recall) have Wilson's 95 % interval (Wilson 1927; Agresti and Coull 1998); F1
has none in closed form, so its interval is the percentile bootstrap over the examples, drawn
from a fixed stream of numbers (`harness.outputs.uniform`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from harness import outputs
from harness.errors import OutputUnreadable, SuiteError
from harness.model import Tensor
from harness.outputs import InputSignature

if TYPE_CHECKING:  # numpy is heavy: `--help` must not import it
    import numpy as np
    from numpy.typing import NDArray

LABELS = "labels"
MOST_EXAMPLES = 10_000
_Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
_RESAMPLES = 2000
_METRIC = re.compile(r"accuracy|f1|recall@([1-9][0-9]{0,3})")
METRIC_PATTERN = rf"^({_METRIC.pattern})$"


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Examples of a model's inputs, a set of tensors each, and the right answer to each."""

    examples: tuple[tuple[Tensor, ...], ...]
    labels: tuple[int, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Score:
    """A metric over a labelled set; `low` and `high` end its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    examples: int


def is_metric(text: str) -> bool:
    """Tell whether a text names a metric: accuracy, f1 or recall@K."""
    return _METRIC.fullmatch(text) is not None


def labelled(
    arrays: Sequence[Tensor], signature: Sequence[InputSignature], *, where: str
) -> LabelledSet:
    """Return named arrays as examples of a model with these inputs.

    Raises:
        SuiteError: an input or the labels are missing, or an array does not fit.
    """
    named = {tensor.name: tensor for tensor in arrays}
    wanted = [entry.name for entry in signature]
    if missing := [name for name in (*wanted, LABELS) if name not in named]:
        raise SuiteError(
            f"the labelled set has no {missing[0]!r}",
            where=where,
            hint=f"it needs an array per input ({', '.join(wanted)}) and {LABELS!r}",
        )
    truth = named[LABELS]
    if len(truth.shape) != 1 or "int" not in truth.dtype or not 0 < truth.shape[0] <= MOST_EXAMPLES:
        raise SuiteError(
            f"{LABELS!r} is {truth.dtype} of shape {truth.shape}",
            where=where,
            hint=f"write one whole number per example, 1 to {MOST_EXAMPLES} of them",
        )
    labels = tuple(int(label) for label in outputs.numbers(truth))
    columns = [_column(entry, named[entry.name], len(labels), where) for entry in signature]
    digest = sha256(repr(labels).encode())
    for entry in signature:
        digest.update(named[entry.name].data)
    return LabelledSet(tuple(zip(*columns, strict=True)), labels, digest.hexdigest())


def load_labelled(path: Path, signature: Sequence[InputSignature]) -> LabelledSet:
    """Read a labelled set from an `.npz` archive.

    Raises:
        SuiteError: it cannot be read, or does not fit the model.
    """
    return labelled(outputs.load_npz(path), signature, where=str(path))


def score(metric: str, answers: Sequence[Sequence[Tensor]], labels: Sequence[int]) -> Score:
    """Score a model's answers, one per label; uses the first output of each.

    Raises:
        OutputUnreadable: an answer is missing, is not finite, or has no place for its label.
    """
    import numpy as np

    if len(answers) != len(labels) or not all(answers):
        raise OutputUnreadable(
            f"{len(answers)} answers to {len(labels)} examples", hint="measure again"
        )
    rows = [outputs.numbers(answer[0]).ravel() for answer in answers]
    width = min(len(row) for row in rows)
    if any(not np.isfinite(row).all() for row in rows):
        raise OutputUnreadable("an answer holds NaN or infinity", hint="look at the raw outputs")
    if min(labels) < 0 or max(labels) >= width:
        raise OutputUnreadable(
            f"the labels go up to {max(labels)}, the model's first output has {width} values",
            hint="the labels must be places in the first output",
        )
    table, truth = np.stack([row[:width] for row in rows]), np.asarray(labels)
    if metric == "f1":
        return _f1(table.argmax(axis=1), truth)
    if metric == "accuracy":
        right = int((table.argmax(axis=1) == truth).sum())
    else:
        right = int((_ranks(table, truth) < int(metric.partition("@")[2])).sum())
    low, high = wilson(right, len(labels))
    return Score(metric, right / len(labels), low, high, len(labels))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a share."""
    share, squared = successes / trials, _Z * _Z
    centre = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + squared / (4 * trials * trials))
    half /= 1 + squared / trials
    return max(0.0, centre - half), min(1.0, centre + half)


def _column(entry: InputSignature, given: Tensor, count: int, where: str) -> list[Tensor]:
    shape = entry.shape[1:] if entry.shape[:1] == (1,) else entry.shape
    if given.shape not in {(count, *shape), (count, *entry.shape)}:
        raise SuiteError(
            f"{entry.name!r} has shape {given.shape}, which is not {count} examples of {shape}",
            where=where,
            hint="the first axis counts the examples",
        )
    if given.dtype != entry.dtype:
        raise SuiteError(
            f"{entry.name!r} is {given.dtype}, the model takes {entry.dtype}",
            where=where,
            hint=f"save it as {entry.dtype}",
        )
    size = len(given.data) // count
    return [
        Tensor(entry.name, entry.shape, entry.dtype, given.data[at : at + size])
        for at in range(0, size * count, size)
    ]


def _ranks(table: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many places are ahead of the right one; a tie counts against it."""
    own = table[range(len(truth)), truth][:, None]
    ahead: NDArray[np.int64] = (table >= own).sum(axis=1) - 1
    return ahead


def _f1(guess: NDArray[np.int64], truth: NDArray[np.int64]) -> Score:
    import numpy as np

    if set(truth.tolist()) - {0, 1}:
        raise OutputUnreadable(
            "f1 is of two classes, and the labels have others", hint="use accuracy"
        )
    count = len(truth)
    drawn = outputs.uniform("quality/f1", _RESAMPLES * count).reshape(_RESAMPLES, count)
    places = (drawn * count).astype(int)
    resampled = np.sort(_f1_of(guess[places] == 1, truth[places] == 1))
    low, high = np.quantile(resampled, (0.025, 0.975))
    value = _f1_of(guess[None] == 1, truth[None] == 1)[0]
    return Score("f1", float(value), float(low), float(high), count)


def _f1_of(guess: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return 2·TP / (2·TP + FP + FN) of each row; without any positive, 0."""
    hits = (guess & truth).sum(axis=1)
    either = guess.sum(axis=1) + truth.sum(axis=1)
    share: NDArray[np.float64] = 2 * hits / either.clip(min=1)
    return share
