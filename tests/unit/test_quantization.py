"""Eight-bit numbers keep the rules of the specification, whatever the weights are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from harness.graphs.builder import GraphBuilder
from harness.graphs.quantization import (
    activation_scales,
    least_weight_step,
    quantized_bias,
    quantized_weights,
)

FLOATS = st.floats(-1e3, 1e3, width=32)
WEIGHTS = arrays(np.float32, array_shapes(min_dims=2, max_dims=4, max_side=5), elements=FLOATS)


@settings(deadline=None)
@given(WEIGHTS, st.booleans())
def test_a_weight_is_within_half_a_step_of_itself_and_symmetric(
    weights: Any, per_channel: bool
) -> None:
    found = quantized_weights(weights, 0 if per_channel else None)
    steps = np.array(found.scale.steps)
    assert (steps > 0).all()
    assert len(steps) == (len(weights) if per_channel else 1)
    assert found.scale.zero_point == 0
    assert found.values.min() >= -127
    shaped = steps.reshape(-1, *[1] * (weights.ndim - 1))
    assert (abs(found.values * shaped - weights) <= shaped * 0.5001).all()


@settings(deadline=None)
@given(
    arrays(np.float32, (4,), elements=st.floats(-1e6, 1e6, width=32)),
    arrays(np.float32, (4, 3), elements=st.floats(-(2.0**-20), 2.0**-20, width=32)),
    st.floats(1e-6, 1e3),
)
def test_a_bias_of_any_size_fits_into_an_int32(bias: Any, weights: Any, step: float) -> None:
    least = least_weight_step(bias, step, per_channel=True)
    scale = quantized_weights(weights, 0, least).scale
    found = quantized_bias(bias, step, scale)
    assert (abs(found.values.astype(np.int64)) <= 2**30 * 1.001).all()
    assert np.allclose(
        found.values * np.array(found.scale.steps), bias, rtol=1e-5, atol=max(found.scale.steps)
    )


def test_activations_take_what_calibration_saw_and_the_specification_fixes_the_rest() -> None:
    net = GraphBuilder("small", 3)
    x = net.conv(net.input((1, 8, 8, 3)), 4, activation="relu6")
    pooled = net.max_pool(x)
    wider = net.pad_channels(pooled, 8)
    scores = net.softmax(net.dense(net.global_average(wider), 5))
    scales = activation_scales(net.build(scores))
    assert scales[x] == scales[pooled] == scales[wider]
    assert scales[x].zero_point == -128  # nothing is below zero after relu6
    assert scales[x].steps[0] <= 6 * 1.002 / 255
    assert (scales[scores].steps, scales[scores].zero_point) == ((1 / 256,), -128)
    assert scales["input"].steps[0] == pytest.approx(1 / 255, rel=0.01)
