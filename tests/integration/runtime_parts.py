"""A small generated model in every format, and runs of it in any runtime of the web lane."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from web_parts import QUICK

from harness.errors import TargetNotFound
from harness.graphs.numpy_forward import forward
from harness.graphs.onnx_writer import write_onnx
from harness.graphs.tfjs_writer import write_tfjs
from harness.graphs.tflite_precisions import write_tflite_file
from harness.model import Capture, Cell, Measured, Measurement, Pass, Reading, Tensor
from harness.outputs import InputSignature, seeded_inputs
from harness.plugins import (
    Driver,
    ModelFile,
    ModelFormat,
    RunRequest,
    Session,
    TargetSpec,
    build_network,
    registry,
)
from harness.plugins import driver as driver_of

NETWORK = build_network(registry("models").get("blazeface_front"), 1)
INPUTS = seeded_inputs([InputSignature("input", (1, 128, 128, 3), "float32")], 0, "blazeface", 0)


def models(folder: Path) -> Mapping[ModelFormat, ModelFile]:
    """Write the network in every format."""
    written: dict[ModelFormat, dict[str, bytes]] = {
        "tfjs": write_tfjs(NETWORK),
        "tflite": {"model.tflite": write_tflite_file(NETWORK, "fp32")},
        "onnx": {"model.onnx": write_onnx(NETWORK)},
    }
    files: dict[ModelFormat, ModelFile] = {}
    for format_, contents in written.items():
        inside = folder / format_
        inside.mkdir(parents=True)
        for name, data in contents.items():
            (inside / name).write_bytes(data)
        main = next(iter(contents))
        digest = sha256(contents[main]).hexdigest()
        files[format_] = ModelFile(format_, inside / main, digest, len(contents[main]))
    return files


def expected() -> tuple[Tensor, ...]:
    """Return what the network answers, computed in float64."""
    import numpy as np

    image = np.frombuffer(INPUTS[0].data, "<f4").reshape(INPUTS[0].shape)
    tensors = forward(NETWORK, {"input": image})
    return tuple(
        Tensor(name, tensors[name].shape, "float32", tensors[name].astype("<f4").tobytes())
        for name in NETWORK.outputs
    )


@contextmanager
def opened(name: str, folder: Path, **options: Any) -> Iterator[tuple[Driver, Session]]:
    """A driver and an opened target; what is missing fails in CI and skips elsewhere."""
    plugin = driver_of(name)
    try:
        session = plugin.open(TargetSpec("web", plugin.target_options(**options), {}, folder))
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")
    try:
        yield plugin, session
    finally:
        session.close()


def run(
    plugin: Driver,
    session: Session,
    model: ModelFile,
    pass_: Pass = "latency",
    *,
    inputs: tuple[Tensor, ...] = INPUTS,
    **variant: Any,
) -> Capture:
    """Make one run of a variant and return what it left."""
    request = RunRequest(
        run_id="l000-test-a1",
        cell=Cell("blazeface", "fp32", "web", "variant"),
        pass_=pass_,
        block=0,
        variant=plugin.variant_options(**variant),
        model=model,
        inputs=inputs,
        sampling=QUICK,
        window=contextlib.nullcontext,
    )
    return session.execute(request)


def measured(plugin: Driver, capture: Capture) -> Reading:
    reading = plugin.read(capture)
    assert isinstance(reading.outcome, Measured), (reading, capture.text("console.json"))
    assert reading.proof.mismatches() == ()
    return reading


def metrics(reading: Reading) -> Mapping[str, Measurement]:
    assert isinstance(reading.outcome, Measured)
    return {measurement.metric: measurement for measurement in reading.outcome.measurements}
