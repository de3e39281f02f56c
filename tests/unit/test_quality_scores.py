"""What a score of a labelled set says, and which labelled sets are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness import quality
from harness.errors import OutputUnreadable, SuiteError
from harness.model import Tensor
from harness.outputs import InputSignature

SIGNATURE = (InputSignature("history", (1, 3), "int32"),)


def answers(rows: list[list[float]]) -> list[tuple[Tensor, ...]]:
    return [
        (Tensor("scores", (1, len(row)), "float32", np.asarray(row, "<f4").tobytes()),)
        for row in rows
    ]


@settings(deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_wilsons(counts: tuple[int, int]) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    low, high = quality.wilson(successes, trials)
    assert low == pytest.approx(max(0, expected.low), abs=1e-9)
    assert high == pytest.approx(min(1, expected.high), abs=1e-9)


def test_accuracy_counts_the_highest_of_the_first_output() -> None:
    score = quality.score(
        "accuracy", answers([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), [1, 0, 0, 0]
    )
    assert (score.value, score.examples) == (0.75, 4)
    assert score.low < 0.75 < score.high


def test_recall_counts_the_right_one_among_the_first_k_and_a_tie_against_it() -> None:
    rows = [[5.0, 4, 3, 2], [5.0, 4, 3, 2], [1.0, 1, 1, 0]]
    labels = [1, 2, 0]
    assert quality.score("recall@1", answers(rows), labels).value == 0
    assert quality.score("recall@2", answers(rows), labels).value == pytest.approx(1 / 3)
    assert quality.score("recall@3", answers(rows), labels).value == 1


def test_recall_of_more_places_is_never_lower() -> None:
    rng = np.random.default_rng(1)
    rows = answers(rng.normal(size=(40, 9)).tolist())
    labels = rng.integers(0, 9, 40).tolist()
    values = [quality.score(f"recall@{k}", rows, labels).value for k in range(1, 10)]
    assert values == sorted(values)
    assert values[-1] == 1


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    # 3 true positives, 1 false positive, 2 false negatives, 4 true negatives
    guesses = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    labels = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    score = quality.score("f1", answers([[1.0 - g, g] for g in guesses]), labels)
    precision, recall = 3 / 4, 3 / 5
    assert score.value == pytest.approx(2 * precision * recall / (precision + recall))
    assert 0 <= score.low < score.value < score.high <= 1


@pytest.mark.parametrize(
    ("metric", "rows", "labels", "word"),
    [
        ("accuracy", [[0.0, 1.0]], [0, 1], "1 answers to 2 examples"),
        ("accuracy", [[0.0, float("nan")]], [0], "NaN"),
        ("accuracy", [[0.0, 1.0]], [2], "2 values"),
        ("accuracy", [[0.0, 1.0]], [-1], "places"),
        ("f1", [[0.0, 1.0, 2.0]], [2], "two classes"),
    ],
)
def test_answers_that_cannot_be_scored_are_refused(
    metric: str, rows: list[list[float]], labels: list[int], word: str
) -> None:
    with pytest.raises(OutputUnreadable) as caught:
        quality.score(metric, answers(rows), labels)
    assert word in f"{caught.value} {caught.value.hint}"


def archive(folder: Path, **arrays: Any) -> Path:
    path = folder / "set.npz"
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
    return path


def test_a_labelled_set_is_one_example_per_label(tmp_path: Path) -> None:
    history = np.arange(6, dtype=np.int32).reshape(2, 3)
    path = archive(tmp_path, history=history, labels=np.array([4, 5]))
    found = quality.load_labelled(path, SIGNATURE)
    assert found.labels == (4, 5)
    assert [example[0].data for example in found.examples] == [row.tobytes() for row in history]
    assert found.examples[0][0].shape == (1, 3)


def test_another_label_or_input_is_another_set(tmp_path: Path) -> None:
    history = np.arange(6, dtype=np.int32).reshape(2, 3)
    labels = np.array([4, 5])
    digests = {
        quality.load_labelled(archive(tmp_path, history=h, labels=each), SIGNATURE).sha256
        for h, each in ((history, labels), (history + 1, labels), (history, labels + 1))
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"labels": np.array([1])}, "no 'history'"),
        ({"history": np.zeros((1, 3), np.int32)}, "no 'labels'"),
        ({"history": np.zeros((2, 3), np.int32), "labels": np.array([1])}, "not 1 examples"),
        ({"history": np.zeros((1, 3), np.int64), "labels": np.array([1])}, "int64"),
        ({"history": np.zeros((1, 3), np.int32), "labels": np.array([1.0])}, "float64"),
        ({"history": np.zeros((0, 3), np.int32), "labels": np.zeros(0, int)}, "shape (0,)"),
    ],
)
def test_a_set_that_does_not_fit_the_model_is_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], word: str
) -> None:
    path = archive(tmp_path, **arrays)
    with pytest.raises(SuiteError) as caught:
        quality.load_labelled(path, SIGNATURE)
    assert word in caught.value.message
    assert caught.value.where == str(path)
