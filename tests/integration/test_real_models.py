"""BlazeFace as it was trained, in both lanes: the same weights, and a face that is found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import web_parts

from harness import artifacts
from harness.drivers.web_tfjs import PLUGIN
from harness.model import Measured, Tensor
from harness.options import Timed
from harness.outputs import InputSignature, seeded_inputs
from harness.plugins import ModelFile, ModelFormat
from harness.suite.load import load
from harness.transports import litert
from harness.web_lane.session import WebSession

pytestmark = [pytest.mark.browser, pytest.mark.litert]

CONFIG = Path(__file__).parents[2] / "configs" / "blazeface-real.yaml"
WITHIN = 1e-4  # float16 weights are the same numbers in both files


@pytest.fixture(scope="module")
def models() -> dict[str, Mapping[ModelFormat, ModelFile]]:
    suite = load(CONFIG)
    missing = [
        source.path
        for model in suite.models
        for source in model.files.values()
        if source.path and not source.path.is_file()
    ]
    if missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing[0]} is not there: make setup-tests brings it where CI=true")
        pytest.skip(f"{missing[0]} is not there: make real-models")
    return {model.name: artifacts.model_files(model) for model in suite.models}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    with web_parts.web_session(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def columns(tensor: Tensor) -> list[tuple[float, ...]]:
    values = web_parts.floats(tensor.data)
    width = tensor.shape[-1]
    return [values[at : at + width] for at in range(0, len(values), width)]


def test_both_files_hold_the_same_trained_network(
    session: WebSession, models: dict[str, Mapping[ModelFormat, ModelFile]]
) -> None:
    signature = InputSignature("input", (1, 128, 128, 3), "float32", -1, 1)
    inputs = seeded_inputs([signature], 0, "blazeface", 0)
    files = models["blazeface"]
    ((joined,),) = session.reference(files["tfjs"], [inputs])
    ((boxes, scores),) = litert.reference_outputs(files["tflite"].path, [inputs])
    apart = [
        abs(one - other)
        for row, score, box in zip(columns(joined), columns(scores), columns(boxes), strict=True)
        for one, other in zip(row, (*score, *box), strict=True)
    ]
    largest = max(abs(value) for row in columns(joined) for value in row)
    assert max(apart) / largest < WITHIN


def test_the_face_of_the_synthetic_video_is_found_where_it_is_drawn(
    session: WebSession, models: dict[str, Mapping[ModelFormat, ModelFile]]
) -> None:
    model = models["face-video"]["tfjs"]
    assert model.workload
    short = replace(model.workload, frames_per_second=None)
    quick = web_parts.QUICK.model_copy(update={"timed": Timed(iterations=5, max_seconds=2.0)})
    capture = web_parts.run(
        session, replace(model, workload=short), sampling=quick, inputs=(), wasm="simd"
    )
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Measured), reading
    found = {output.name: output for output in reading.outputs or ()}
    score, left, top, right, bottom = web_parts.floats(found["faces"].data)[:5]
    assert score > 0.75
    # Drawn at 0.5 and 0.6 of 640 × 480; the model sees a square with the picture in its middle.
    assert left < 0.5 < right
    assert top < (0.6 * 480 + 80) / 640 < bottom
    assert 0.15 < right - left < 0.45
