"""A tool that the suite calls `kind: litert` is started with that program's flags, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from adb_parts import needed_adb
from android_parts import model_file, request

from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession
from harness.errors import RunFailed
from harness.plugins import ModelFile, TargetSpec, ToolFile, driver
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
LOGS = Path(__file__).parents[1] / "fixtures" / "benchmark_model" / "made_up"
# --help ends with 0, as that program's does.
TOOL = """#!/bin/sh
echo "$*" >> '{calls}'
case $1 in --help)
  printf '\\t--%s=\\n' graph use_cpu use_gpu use_npu require_full_delegation
  exit 0
esac
cat <<'OUT'
{stdout}OUT
cat >&2 <<'ERR'
{stderr}ERR
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def session(tmp_path: Path, calls: Path) -> Iterator[AndroidSession]:
    needed_adb()
    log = json.loads((LOGS / "made_up_litert_1134.json").read_text())
    path = tmp_path / "benchmark_model"
    path.write_text(TOOL.format(calls=calls, stdout=log["stdout"], stderr=log["stderr"]))
    digest = sha256(path.read_bytes()).hexdigest()
    tools = {"nightly": {ABI: ToolFile("nightly", ABI, path, digest, kind="litert")}}
    options = TargetOptions(device="virtual", tool="nightly")
    one = LANE.open(TargetSpec("device", options, tools, tmp_path / "scratch"))
    assert isinstance(one, AndroidSession)
    yield one
    one.close()


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return model_file(tmp_path, b"a model that nobody reads")


def test_full_delegation_leaves_the_cpu_out(
    session: AndroidSession, model: ModelFile, calls: Path
) -> None:
    reading = LANE.read(session.execute(request(model, gpu=True, delegation="full")))
    assert reading.proof.observed["tool_kind"] == "litert"
    started = calls.read_text().splitlines()[-1].split()
    assert {"--use_gpu=true", "--require_full_delegation=true", "--use_cpu=false"} <= set(started)
    # Its log says nothing of a GPU, so that nothing is proved and no number counts.
    assert "delegate" in [fact for fact, _, _ in reading.proof.mismatches()]


@pytest.mark.parametrize(
    ("key", "variant"),
    [
        ("xnnpack", {"xnnpack": True}),
        ("nnapi", {"nnapi": True}),
        ("precision_loss", {"gpu": True, "precision_loss": False}),
    ],
)
def test_what_it_has_no_flag_for_is_refused_before_it_is_started(
    session: AndroidSession, model: ModelFile, calls: Path, key: str, variant: dict[str, Any]
) -> None:
    with pytest.raises(RunFailed, match=f"`{key}`"):
        session.execute(request(model, **variant))
    assert set(calls.read_text().splitlines()) <= {"--help"}
