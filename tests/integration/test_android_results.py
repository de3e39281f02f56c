"""The tool's own result file comes back with a run and is preferred, once the text agrees."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from adb_parts import needed_adb
from android_parts import model_file, request, script_tool

from harness.drivers.android_tflite.options import TargetOptions
from harness.model import Capture, Failed, Measured, Reading
from harness.plugins import Session, TargetSpec, driver
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
CAPTURE = (
    Path(__file__).parents[1]
    / "fixtures/benchmark_model/benchmark_model-litert-f674577/result_file.json"
)
# The capture is real; that it was told its number of threads is made up.
TOOL = """
for flag in "$@"; do
    case $flag in
    --help) echo "	--result_file_path=	string"; exit 1 ;;
    --result_file_path=*) cat '{folder}/result.pb' > "${{flag#*=}}" ;;
    esac
done
cat '{folder}/stdout'
"""


@contextmanager
def opened(folder: Path, result: bytes) -> Iterator[Session]:
    needed_adb()
    said = json.loads(CAPTURE.read_text())
    told = "INFO: STARTING!\nINFO: Num threads: [1]\n"
    (folder / "stdout").write_text(said["stdout"].replace("INFO: STARTING!\n", told, 1))
    (folder / "result.pb").write_bytes(result)
    tools = script_tool(folder, TOOL.format(folder=folder), ABI)
    options = TargetOptions(device="virtual", tool="script")
    session = LANE.open(TargetSpec("device", options, tools, folder / "scratch"))
    try:
        yield session
    finally:
        session.close()


def captured() -> bytes:
    files = json.loads(CAPTURE.read_text())["files"]
    return base64.b64decode(files["result.pb"]["base64"])


def values(reading: Reading) -> dict[str, float]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements if m.value is not None}


def test_the_file_comes_back_as_the_tool_wrote_it_and_is_read(tmp_path: Path) -> None:
    with opened(tmp_path, captured()) as session:
        capture = session.execute(request(model_file(tmp_path)))
    assert capture.files["results.pb"] == captured()
    with_file = values(LANE.read(capture))
    files = {name: data for name, data in capture.files.items() if name != "results.pb"}
    from_text = values(LANE.read(Capture(files)))
    # The text has six digits of the mean, the file what a 32-bit float holds.
    assert with_file["latency_mean"] == pytest.approx(from_text["latency_mean"], rel=1e-5)
    assert with_file["latency_mean"] != from_text["latency_mean"]


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[:4] + data[8:]])
def test_a_file_that_does_not_agree_with_the_text_gives_no_number(
    tmp_path: Path, damage: object
) -> None:
    assert callable(damage)
    with opened(tmp_path, damage(captured())) as session:
        reading = LANE.read(session.execute(request(model_file(tmp_path))))
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.hint
