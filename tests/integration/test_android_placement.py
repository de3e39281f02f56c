"""Variants that say with which build and on which cores they run, on a real adb server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from adb_parts import needed_adb
from android_parts import model_file, request

from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession
from harness.errors import TargetUnfit
from harness.model import Failed, Measured, Reading
from harness.plugins import ModelFile, TargetSpec, ToolFile, driver
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
KNOWN = Path(__file__).parents[1] / "fixtures" / "known" / "made_up_benchmark_model"


def build(folder: Path, name: str, words: str) -> ToolFile:
    """The known tool, in a build of its own that says some words more."""
    path = folder / name
    path.write_text(KNOWN.read_text().replace("#!/bin/sh", f"#!/bin/sh\n{words}", 1))
    return ToolFile(name, ABI, path, sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("placement")


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[AndroidSession]:
    needed_adb()
    if shutil.which("taskset") is None:
        pytest.fail("taskset is missing: apt install util-linux")
    allowed = "grep Cpus_allowed_list /proc/self/status >&2"
    tools: Mapping[str, Mapping[str, ToolFile]] = {
        name: {ABI: build(folder, name, f"{allowed} # {name}")} for name in ("stable", "nightly")
    }
    tools = {**tools, "other": {"riscv128": tools["stable"][ABI]}}
    options = TargetOptions(device="virtual", tool="stable")
    one = LANE.open(TargetSpec("device", options, tools, folder / "scratch"))
    assert isinstance(one, AndroidSession)
    yield one
    one.close()


@pytest.fixture(scope="module")
def model(folder: Path) -> ModelFile:
    return model_file(folder, b"a model that nobody reads")


def measured(reading: Reading) -> None:
    assert isinstance(reading.outcome, Measured), reading.outcome
    assert not reading.proof.mismatches()


@pytest.mark.parametrize("core", sorted(os.sched_getaffinity(0))[:2])
def test_a_variant_runs_on_its_cores_and_proves_it(
    session: AndroidSession, model: ModelFile, core: int
) -> None:
    capture = session.execute(request(model, cores=core))
    reading = LANE.read(capture)
    measured(reading)
    assert reading.proof.asked["cores"] == str(core)
    assert reading.setting["cores"] == str(core)
    # What the tool itself saw, while it ran.
    assert f"Cpus_allowed_list:\t{core}\n" in capture.text("stderr.txt")


def test_several_cores_are_asked_for_as_a_list_or_as_a_mask(
    session: AndroidSession, model: ModelFile
) -> None:
    cores = sorted(os.sched_getaffinity(0))
    mask = hex(sum(1 << core for core in cores))
    for text in (",".join(map(str, cores)), mask):
        measured(LANE.read(session.execute(request(model, cores=text))))


def test_cores_that_the_device_lacks_are_refused_by_name(
    session: AndroidSession, model: ModelFile
) -> None:
    outcome = LANE.read(session.execute(request(model, cores="1000-1001"))).outcome
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind == "cores-refused"


def test_cores_of_which_some_are_missing_are_a_mismatch(
    session: AndroidSession, model: ModelFile
) -> None:
    reading = LANE.read(session.execute(request(model, cores="0,1000")))
    assert reading.proof.mismatches() == (("cores", "0,1000", "0"),)


def test_a_run_without_cores_is_not_confined(session: AndroidSession, model: ModelFile) -> None:
    capture = session.execute(request(model))
    assert "taskset" not in " ".join(capture.json("run.json")["command"])
    assert LANE.read(capture).setting["cores"] is None


def test_two_builds_of_the_tool_stand_in_one_session(
    session: AndroidSession, model: ModelFile
) -> None:
    runs = (request(model), request(model, tool="nightly"), request(model, tool="stable"))
    readings = [LANE.read(session.execute(run)) for run in runs]
    for reading in readings:
        measured(reading)
    assert [reading.subject["tool"] for reading in readings] == ["stable", "nightly", "stable"]


def test_a_build_for_another_processor_costs_only_its_own_runs(
    session: AndroidSession, model: ModelFile
) -> None:
    with pytest.raises(TargetUnfit, match="riscv128"):
        session.execute(request(model, tool="other"))
    measured(LANE.read(session.execute(request(model))))
