"""A small model, and runs of it, for the tests of the Android lane."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.graphs.builder import GraphBuilder
from harness.graphs.tflite_writer import write_tflite
from harness.model import Cell, Pass, Tensor
from harness.options import Sampling, Timed, Warmup
from harness.outputs import InputSignature, seeded_inputs
from harness.plugins import ModelFile, RunRequest, ToolFile, driver
from harness.transports import litert

SHAPE = (1, 48, 48, 8)
QUICK = Sampling(
    warmup=Warmup(iterations=3, seconds=0.0), timed=Timed(iterations=7, max_seconds=20.0)
)


def needed_litert() -> None:
    """Fail in CI where LiteRT is missing, skip elsewhere."""
    if litert.version():
        return
    reason = 'LiteRT is missing: pip install "edgebench[litert]"'
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def model_bytes() -> bytes:
    """A network of two outputs whose inference takes some milliseconds."""
    net = GraphBuilder("small", 3)
    x = net.input(SHAPE)
    x = net.conv(x, 32, kernel=3, activation="relu")
    x = net.conv(x, 32, kernel=3, activation="relu")
    scores = net.softmax(net.dense(net.global_average(x), 5))
    return write_tflite(net.build(scores, net.reshape(net.max_pool(x, size=8, stride=8), (1, -1))))


def model_file(folder: Path, data: bytes | None = None) -> ModelFile:
    """Write the model, or these bytes in its place."""
    data = model_bytes() if data is None else data
    digest = sha256(data).hexdigest()
    path = folder / f"{digest[:12]}.tflite"
    path.write_bytes(data)
    return ModelFile("tflite", path, digest, len(data))


def inputs(set_index: int = 0) -> tuple[Tensor, ...]:
    """One set of seeded inputs."""
    return seeded_inputs([InputSignature("input", SHAPE, "float32")], 0, "small", set_index)


def request(
    model: ModelFile,
    *,
    pass_: Pass = "latency",
    sampling: Sampling = QUICK,
    window: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    fed: tuple[Tensor, ...] | None = None,
    **variant: Any,
) -> RunRequest:
    """Return a run of that model; further keys are those of the variant."""
    return RunRequest(
        run_id="run",
        cell=Cell("small", "fp32", "device", "variant"),
        pass_=pass_,
        block=0,
        variant=driver("android-tflite").variant_options(**variant),
        model=model,
        inputs=inputs() if fed is None else fed,
        sampling=sampling,
        window=window,
    )


def script_tool(folder: Path, script: str, abi: str) -> Mapping[str, Mapping[str, ToolFile]]:
    """Return a suite's tools with one shell script in them, for one ABI."""
    path = folder / "tool.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    digest = sha256(path.read_bytes()).hexdigest()
    return {"script": {abi: ToolFile("script", abi, path, digest)}}
