"""Labels that a seeded network draws for itself: the same everywhere, and neither sure nor blind."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from harness.graphs.builder import GraphBuilder
from harness.graphs.numpy_forward import forward
from harness.graphs.sampled_labels import SHARPNESS, sampled_set
from harness.model import Tensor
from harness.outputs import numbers
from harness.plugins import registry
from harness.quality import score

ENCODERS = ("bow", "cnn", "rnn")
COUNT = 150


def recommender(encoder: str) -> tuple[Any, Any]:
    network = registry("models").get("recommendation")
    return network, network.options(encoder=encoder)


def own_recall(encoder: str, change: float = 1.0, seed: int = 7) -> float:
    """Return the recall of a network's own float64 scores, or of scores that were worn down."""
    network, options = recommender(encoder)
    histories, labels = network.examples(seed, options, COUNT)
    graph = network.build(seed, options)
    answers = []
    for history in numbers(histories):
        scores = forward(graph, {"context": history[np.newaxis]})["scores"]
        noise = np.random.default_rng(3).normal(size=scores.shape) * scores.std()
        worn = change * scores + sqrt(1 - change**2) * noise
        answers.append([Tensor("scores", worn.shape, "float64", worn.tobytes())])
    truth = [int(label) for label in numbers(labels)]
    return score("recall@10", answers, truth).value


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_exact_network_finds_two_to_four_labels_of_ten(encoder: str) -> None:
    assert 0.15 < own_recall(encoder) < 0.45


@pytest.mark.parametrize("encoder", ENCODERS)
def test_scores_that_keep_less_of_the_ranking_have_less_recall(encoder: str) -> None:
    exact, worn, blind = (own_recall(encoder, change) for change in (1.0, 0.8, 0.0))
    assert exact > worn > blind
    assert blind < 0.05


def test_a_larger_set_begins_with_the_smaller_one_and_another_seed_has_others() -> None:
    network, options = recommender("bow")
    small, large = (network.examples(7, options, count) for count in (3, 8))
    for less, more in zip(small, large, strict=True):
        assert more.data.startswith(less.data)
        assert (less.shape[0], more.shape[0]) == (3, 8)
    assert network.examples(8, options, 3)[0].data != small[0].data


def test_labels_follow_the_softmax_of_the_scores() -> None:
    """Of two candidates: the share of the better one is what the Gumbel trick promises."""
    net = GraphBuilder("two", 1)
    x = net.mean(net.embedding(net.ids((1, 4), 50, "context"), 50, 8), 1)
    graph = net.build(net.dense(x, 2, bias=False))
    context, labels = sampled_set(graph, 1, 600)
    best = [
        int(forward(graph, {"context": row[np.newaxis]})[graph.outputs[0]].argmax())
        for row in numbers(context)
    ]
    share = float(np.mean(np.array(best) == numbers(labels)))
    # Two standardised scores are +1 and -1.
    expected = 1 / (1 + np.exp(-2 * SHARPNESS))
    assert share == pytest.approx(expected, abs=0.02)
