"""One test per exit code, and for what each leaves behind."""

from __future__ import annotations

import json
import signal
import time
from hashlib import sha256
from pathlib import Path

import pytest
from conftest import Commander

pytestmark = pytest.mark.litert

PROGRAM = b"\x7fELF"
SLOW_PROGRAM = """
import sys, time
flags = dict(argument.lstrip("-").partition("=")[::2] for argument in sys.argv[1:])
time.sleep(float(flags.get("hang", 0)))
print(f"threads={flags['threads']}")
print(f"iteration_s={flags['sleep']}")
"""


def outcomes(folder: Path) -> list[str]:
    lines = (folder / "runs.jsonl").read_text().splitlines()
    return [json.loads(line)["outcome"] for line in lines]


def test_0_when_everything_was_measured(stranger: Commander) -> None:
    run = stranger("run", "suite.yaml", "--only", "variant=slow,variant=fast", "--out", "r")
    assert run.returncode == 0, run.stderr
    assert "results: r" in run.stdout
    assert outcomes(stranger.folder / "r") == ["measured"] * 4


def test_1_when_a_run_failed(stranger: Commander) -> None:
    run = stranger("run", "suite.yaml", "--only", "variant=liar", "--out", "r", "--progress=lines")
    assert run.returncode == 1
    assert "variant-mismatch" in run.stdout
    assert "FAILED (variant-mismatch)" in run.stderr


@pytest.mark.adb
def test_1_when_a_device_is_missing(adb_of_its_own: Commander) -> None:
    folder = adb_of_its_own.folder
    (folder / "s.yaml").write_text(
        "suite: s\n"
        "models: {blazeface: {generate: blazeface_front, seed: 7}}\n"
        f"tools: {{benchmark_model: {{arm64-v8a: tool, sha256: {sha256(PROGRAM).hexdigest()}}}}}\n"
        "targets:\n"
        "  phone: {driver: android-tflite, device: no-such-serial, variants: {cpu: {threads: 1}}}\n"
        "sampling: {blocks: 1, memory_runs: 0}\n"
    )
    (folder / "tool").write_bytes(PROGRAM)
    run = adb_of_its_own("run", "s.yaml", "--out", "r")
    assert run.returncode == 1, run.stderr
    assert "is attached" in run.stderr
    assert "adb devices" in run.stderr
    assert outcomes(folder / "r") == ["skipped"]
    for name in ("runs.jsonl", "suite.yaml"):
        assert "no-such-serial" not in (folder / "r" / name).read_text()
    # The suite that is kept has the phone's hash in the place of its serial, and still verifies.
    assert adb_of_its_own("verify", "r").returncode == 0
    assert "the suite has changed" not in adb_of_its_own("run", "s.yaml", "--resume", "r").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "missing.yaml"), "missing.yaml"),
        (("run", "suite.yaml", "--only", "modle=x"), "--only does not understand"),
        (("run", "suite.yaml", "--format", "nope"), "no format named 'nope'"),
        (("run", "suite.yaml", "--label", "a/b"), "--label"),
        (("run", "suite.yaml", "--resume", "r", "--blocks", "3"), "--resume"),
        (("run",), "SUITE"),
        (("run", "suite.yaml", "--blocks", "0"), "at least 1"),
    ],
)
def test_2_when_the_input_is_wrong(
    stranger: Commander, arguments: tuple[str, ...], said: str
) -> None:
    refused = stranger(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_3_when_nothing_could_run(edgebench: Commander) -> None:
    (edgebench.folder / "s.yaml").write_text(
        "suite: s\n"
        "models: {blazeface: {generate: blazeface_front, seed: 7}}\n"
        "targets:\n"
        "  web: {driver: web-tfjs, browser: /no/such/browser, variants: {p: {wasm: plain}}}\n"
        "sampling: {blocks: 1, memory_runs: 0}\n"
    )
    run = edgebench("run", "s.yaml", "--out", "r")
    assert run.returncode == 3, run.stderr
    assert "browser-missing" in run.stdout


def test_4_when_the_folder_cannot_be_used(stranger: Commander) -> None:
    (stranger.folder / "full").mkdir()
    (stranger.folder / "full" / "mine").write_text("precious")
    refused = stranger("run", "suite.yaml", "--out", "full")
    assert refused.returncode == 4
    assert "--resume" in refused.stderr
    assert stranger("table", "nowhere").returncode == 4


def test_4_when_another_run_writes_there(stranger: Commander) -> None:
    program = stranger.folder / "program.py"
    program.write_text(SLOW_PROGRAM.replace('flags.get("hang", 0)', '"1.5"'))
    first = stranger.start("run", "suite.yaml", "--out", "r", "--quiet")
    while not (stranger.folder / "r" / "runs.jsonl").exists():
        time.sleep(0.05)
    assert stranger("run", "suite.yaml", "--resume", "r", "--quiet").returncode == 4
    first.send_signal(signal.SIGTERM)
    first.communicate()


def test_130_when_interrupted_and_a_resume_makes_exactly_the_rest(stranger: Commander) -> None:
    program = stranger.folder / "program.py"
    program.write_text(SLOW_PROGRAM.replace('flags.get("hang", 0)', '"0.5"'))
    first = stranger.start("run", "suite.yaml", "--out", "r", "--progress=lines")
    assert first.stderr is not None
    while "[2/6]" not in first.stderr.readline():
        pass
    first.send_signal(signal.SIGINT)
    stdout, stderr = first.communicate()
    assert first.returncode == 130, stderr
    kept = outcomes(stranger.folder / "r")
    assert 2 <= len(kept) < 6
    assert "--resume r" in stderr
    assert "not run" in stdout
    program.write_text(SLOW_PROGRAM)
    second = stranger("run", "suite.yaml", "--resume", "r", "--progress=lines")
    assert second.returncode == 0, second.stderr
    assert f"{6 - len(kept)} runs in" in second.stderr
    assert outcomes(stranger.folder / "r") == ["measured"] * 6


def test_kill_9_loses_no_finished_run(stranger: Commander) -> None:
    program = stranger.folder / "program.py"
    program.write_text(SLOW_PROGRAM.replace('flags.get("hang", 0)', '"0.3"'))
    first = stranger.start("run", "suite.yaml", "--out", "r", "--progress=lines")
    assert first.stderr is not None
    while "[3/6]" not in first.stderr.readline():
        pass
    first.kill()
    first.communicate()
    assert outcomes(stranger.folder / "r")[:3] == ["measured"] * 3
    assert "not run" in stranger("table", "r").stdout
    program.write_text(SLOW_PROGRAM)
    assert stranger("run", "suite.yaml", "--resume", "r", "--quiet").returncode == 0
    assert outcomes(stranger.folder / "r") == ["measured"] * 6
