"""Names, serials, paths and flags arrive as data, whatever stands in them.

Everything here goes through the real adb server and the shell of a virtual device.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from adb_parts import needed_adb
from android_parts import inputs, model_file, needed_litert
from android_parts import request as a_run

from harness import cli
from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession
from harness.model import Measured, Tensor
from harness.plugins import ModelFile, TargetSpec, ToolFile, driver, registry
from harness.serials import hashed
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
KNOWN = Path(__file__).parents[1] / "fixtures" / "known" / "made_up_benchmark_model"
PRINTS_ITS_ARGUMENTS = (
    '#!/bin/sh\ncase $1 in --help) exit 1;; esac\nfor a in "$@"; do printf "[%s]\\n" "$a"; done\n'
)
NASTY = {
    "blanks": "a  b ",
    "quotes": 'it\'s "quoted"',
    "a command": "$(touch {trap}) `touch {trap}` ; touch {trap} & | > {trap}",
    "a line end": "two\nlines\n",
    "no ASCII": "naïve 模型 🦆",
    "a backslash": "a\\b\\",
    "patterns": "* ? [a] ~ ${{HOME}} !x #y",
    "dashes": "--help",
}


@pytest.fixture(params=list(NASTY.values()), ids=list(NASTY))
def nasty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    trap = tmp_path / "trap"
    yield str(request.param).format(trap=trap)
    assert not trap.exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Everything that is pushed, and the device itself, lies under this name.
    name = 'it\'s a "folder"; $(touch trap) `id`\n&& naïve 模型'
    made = tmp_path_factory.mktemp("names") / name
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def printing(folder: Path) -> Iterator[AndroidSession]:
    needed_adb()
    path = folder / "the tool; $(id) 'x'\n"
    path.write_text(PRINTS_ITS_ARGUMENTS)
    tool = ToolFile("a 'tool' $(id)", ABI, path, sha256(path.read_bytes()).hexdigest())
    options = TargetOptions(device="virtual", tool=tool.name)
    spec = TargetSpec("device", options, {tool.name: {ABI: tool}}, folder / "scratch")
    session = LANE.open(spec)
    assert isinstance(session, AndroidSession)
    yield session
    session.close()


@pytest.fixture(scope="module")
def model(folder: Path) -> ModelFile:
    return model_file(folder)


def test_a_flags_value_arrives_as_it_is(
    printing: AndroidSession, model: ModelFile, nasty: str
) -> None:
    capture = printing.execute(a_run(model, flags={"benchmark_name": nasty}))
    assert f"[--benchmark_name={nasty}]\n" in capture.text("stdout.txt")
    assert f"--benchmark_name={nasty}" in capture.json("run.json")["command"]


def test_so_it_does_when_the_tool_is_put_on_cores(
    printing: AndroidSession, model: ModelFile, nasty: str
) -> None:
    capture = printing.execute(a_run(model, cores=0, flags={"benchmark_name": nasty}))
    assert f"[--benchmark_name={nasty}]\n" in capture.text("stdout.txt")


def test_a_models_path_on_this_host_is_data(
    printing: AndroidSession, folder: Path, nasty: str
) -> None:
    path = folder / f"{nasty.replace('/', '')[:60]}.tflite"
    path.write_bytes(nasty.encode())
    file = ModelFile("tflite", path, sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    capture = printing.execute(a_run(file))
    assert f"/{file.sha256}]\n" in capture.text("stdout.txt")


def test_an_inputs_name_is_data(printing: AndroidSession, model: ModelFile, nasty: str) -> None:
    fed = tuple(Tensor(nasty, one.shape, one.dtype, one.data) for one in inputs())
    capture = printing.execute(a_run(model, fed=fed))
    assert capture.json("run.json")["inputs"][0]["name"] == nasty


def test_the_real_runtime_works_below_a_folder_of_any_name(folder: Path, model: ModelFile) -> None:
    needed_adb()
    needed_litert()
    spec = TargetSpec("device", TargetOptions(device="virtual"), {}, folder / "for litert")
    session = LANE.open(spec)
    try:
        outcome = LANE.read(session.execute(a_run(model, fed=()))).outcome
        assert isinstance(outcome, Measured), outcome
    finally:
        session.close()
    assert not Path("trap").exists()


SUITE = """
suite: "it's $(touch trap) 模型"
models: {{"a 'model' $(touch trap) `id` <b>|x|": {{generate: blazeface_front, seed: 7}}}}
tools: {{"made up; touch trap": {{{abi}: {{path: {tool}, sha256: {pin}}}}}}}
targets:
  "the phone's $(touch trap) 📱":
    driver: android-tflite
    device: "{serial}"
    conditions: {{wait_s: 0, max_cpu_load: 1.0}}
    tool: "made up; touch trap"
    variants: {{"one && touch trap": {{threads: 1}}, "four's": {{threads: 4}}}}
sampling: {{blocks: 1, memory_runs: 1, timed: {{iterations: 5}}}}
"""


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDeviceHandle]:
    """A device that runs already, and is met by its serial as a phone is."""
    with start_virtual_device(tmp_path / "device", adb=needed_adb()) as handle:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(handle.adb_port))
        monkeypatch.chdir(tmp_path)
        yield handle


def test_names_are_data_and_the_serial_is_nowhere(
    attached: VirtualDeviceHandle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = json.dumps(str(KNOWN))
    pin = sha256(KNOWN.read_bytes()).hexdigest()
    suite = SUITE.format(abi=ABI, tool=tool, pin=pin, serial=attached.serial)
    (tmp_path / "suite's $(touch trap).yaml").write_text(suite)
    code = cli.main(["run", "suite's $(touch trap).yaml", "--out", "r", "--progress", "quiet"])
    assert code == 1, capsys.readouterr().err  # the variant of four threads runs one
    printed = [capsys.readouterr().out]
    for format_ in registry("formats").names:
        assert cli.main(["table", "r", "--format", format_]) == 0
        printed.append(capsys.readouterr().out)
    assert not list(tmp_path.glob("**/trap"))
    stored = [path for path in (tmp_path / "r").rglob("*") if path.is_file()]
    assert any(path.name == "runs.jsonl" for path in stored)
    assert any(path.name == "stdout.txt" for path in stored)
    for path in stored:
        assert attached.serial.encode() not in path.read_bytes(), path
    assert not [text for text in printed if attached.serial in text]
    # It stands as its hash where the suite named it.
    assert hashed(attached.serial) in (tmp_path / "r" / "suite.yaml").read_text()
    assert all("the phone's $(touch trap) 📱" in text for text in printed[:1])
