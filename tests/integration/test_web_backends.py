"""TF.js' other back ends in a real browser: what computed is proved, and a software GPU named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import runtime_parts
import web_parts
from runtime_parts import measured
from web_parts import INPUT, WEIGHTS, floats, tensor

from harness.model import Capture, Failed
from harness.plugins import Driver, ModelFile, Session

pytestmark = pytest.mark.browser

PRODUCT = [
    sum(value * row[column] for value, row in zip(INPUT, WEIGHTS, strict=True))
    for column in range(len(WEIGHTS[0]))
]
SOFTWARE_WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    # One matrix product: a GPU in software takes seconds to compile the operators of a network.
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, Session]]:
    folder = tmp_path_factory.mktemp("scratch")
    with runtime_parts.opened("web-tfjs", folder, args=SOFTWARE_WEBGPU) as opened:
        yield opened


def run(plugin: Driver, session: Session, model: ModelFile, backend: str) -> Capture:
    inputs = (tensor("x", INPUT),)
    return runtime_parts.run(plugin, session, model, inputs=inputs, backend=backend)


@pytest.mark.parametrize("backend", ["webgl", "webgpu", "cpu"])
def test_each_back_end_is_proved_and_computes_the_model(
    target: tuple[Driver, Session], model: ModelFile, backend: str
) -> None:
    plugin, session = target
    reading = measured(plugin, run(plugin, session, model, backend))
    assert reading.proof.observed["backend"] == backend
    assert reading.proof.observed["wasm_binary"] is None
    (output,) = reading.outputs or ()
    assert floats(output.data) == pytest.approx(PRODUCT)
    if backend != "cpu":
        assert reading.setting["gpu"] in {"software", "hardware"}
        named = "swiftshader" in str(reading.setting["gpu_renderer"]).lower()
        assert (reading.setting["gpu"] == "software") >= named


def test_a_back_end_that_does_not_start_gives_no_number(
    model: ModelFile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("without")
    options: dict[str, Any] = {"args": ["--disable-gpu", "--disable-features=WebGPU"]}
    with runtime_parts.opened("web-tfjs", folder, **options) as (plugin, session):
        outcome = plugin.read(run(plugin, session, model, "webgpu")).outcome
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind == "variant-mismatch"
    assert "the webgpu back end did not start" in outcome.failure.message
