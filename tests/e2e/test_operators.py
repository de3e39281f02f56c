"""`profile: ops`, from the suite to the table: a program prints what the real profiler printed.

The captures are real; that they were told their number of threads is made up, and so is the
program that prints them.
"""

from __future__ import annotations

import json
import os
import platform
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

pytestmark = [pytest.mark.adb]

CAPTURES = (
    Path(__file__).parents[1] / "fixtures" / "benchmark_model" / "benchmark_model-litert-f674577"
)
ABI = {"aarch64": "arm64-v8a", "arm64": "arm64-v8a"}.get(platform.machine(), platform.machine())
TOOL = """#!/bin/sh
# Prints a real capture; with a file for the profile, writes the one that was captured there.
here='{here}'
said=op_profiling
for flag in "$@"; do
    case $flag in
    --help)
        for name in enable_op_profiling {known}; do echo "	--$name=	string"; done
        exit 1
        ;;
    --use_xnnpack=false) said=op_profiling_noxnn ;;
    --op_profiling_output_file=*)
        said=op_profiling_csv_file
        cat "$here/prof.csv" > "${{flag#*=}}"
        ;;
    esac
done
cat "$here/$said.stderr" >&2
cat "$here/$said.stdout"
"""
SUITE = """
suite: operators
models: {{net: {{generate: blazeface_front, seed: 7}}}}
tools:
  text: {{{abi}: text, sha256: {text}}}
  file: {{{abi}: file, sha256: {file}}}
  none: {{{abi}: none, sha256: {none}}}
targets:
  device:
    driver: android-tflite
    device: virtual
    tool: text
    variants: {{xnnpack: {{}}, plain: {{xnnpack: false}}, file: {{tool: file}}, none: {{tool: none}}}}
sampling: {{blocks: 1, memory_runs: 0, profile: ops}}
"""


@pytest.fixture(scope="module")
def edgebench(tmp_path_factory: pytest.TempPathFactory) -> Commander:
    folder = tmp_path_factory.mktemp("operators")
    for name in ("op_profiling", "op_profiling_noxnn", "op_profiling_csv_file"):
        said = json.loads((CAPTURES / f"{name}.json").read_text())
        told = "INFO: STARTING!\nINFO: Num threads: [1]\n"
        stdout = said["stdout"].replace("INFO: STARTING!\n", told, 1)
        (folder / f"{name}.stdout").write_text(stdout)
        (folder / f"{name}.stderr").write_text(said["stderr"])
        for file, text in said.get("files", {}).items():
            (folder / file).write_text(text)
    flags = {"text": "", "file": "op_profiling_output_mode op_profiling_output_file"}
    for name, known in flags.items():
        (folder / name).write_text(TOOL.format(here=folder, known=known))
    (folder / "none").write_text((folder / "text").read_text().replace("enable_op_profiling", ""))
    pins = {
        name: sha256((folder / name).read_bytes()).hexdigest() for name in ("text", "file", "none")
    }
    (folder / "suite.yaml").write_text(SUITE.format(abi=ABI, **pins))
    command = Commander(folder, dict(os.environ))
    run = command("run", "suite.yaml", "--out", "r", "--json")
    assert run.returncode == 1, run.stderr
    assert "no-profiler" in run.stdout
    return command


def table(edgebench: Commander, *variants: str) -> Any:
    only = [part for name in variants for part in ("--only", f"variant={name}")]
    said = edgebench("table", "--ops", "r", "--json", *only)
    assert said.returncode == 0, said.stderr
    (found,) = json.loads(said.stdout)["tables"]
    return found


def test_two_variants_stand_side_by_side_by_type(edgebench: Commander) -> None:
    found = table(edgebench, "xnnpack", "plain")
    assert "net" in found["title"]
    units = {one["unit"] for one in found["columns"] if one["key"].startswith("time:")}
    assert units == {"µs"}
    # What the tool itself summed up by type; its rows are rounded to whole microseconds.
    for operator, column, microseconds, calls in (
        ("Fully Connected (NC, F32) GEMM", "xnnpack", 208, 20),
        ("Convolution (NHWC, F32) DWConv", "xnnpack", 171, 16),
        ("Convolution (NHWC, F32) IGEMM", "xnnpack", 111, 1),
        ("CONV_2D", "plain", 4014, 21),
        ("DEPTHWISE_CONV_2D", "plain", 3292, 16),
        ("ADD", "plain", 293, 16),
    ):
        (one,) = [each for each in found["rows"] if each["operator"] == operator]
        assert one[f"time:{column}"]["value"] == pytest.approx(microseconds, abs=0.5 + calls / 2)
        other = {"xnnpack": "plain", "plain": "xnnpack"}[column]
        assert one[f"time:{other}"] is None
    (heaviest,) = [each for each in found["rows"] if each["operator"] == "CONV_2D"]
    assert heaviest["share:plain"]["text"] == "51 %"


def test_the_heaviest_stand_first_and_everything_adds_up(edgebench: Commander) -> None:
    found = table(edgebench, "plain")
    *parts, whole = found["rows"]
    assert whole["operator"] == "all"
    values = [each["time:plain"]["value"] for each in parts]
    assert sum(values) == pytest.approx(whole["time:plain"]["value"])
    named = [each for each in parts if not each["operator"].endswith(" others")]
    shares = [each["share:plain"]["value"] for each in named]
    assert shares == sorted(shares, reverse=True)


def test_the_same_operators_are_compared_one_by_one(edgebench: Commander) -> None:
    found = table(edgebench, "xnnpack", "file")
    first = found["rows"][0]
    assert first["operator"].endswith("Delegate/Convolution (NHWC, F32) IGEMM:0")
    # The same build, run twice: 0.111 ms in the text, 0.109645 ms in the file.
    assert first["time:xnnpack"]["text"] == "111"
    assert first["time:file"]["text"] == "110"


@pytest.mark.parametrize("format_", ["terminal", "markdown", "csv", "json"])
def test_every_format_shows_it(edgebench: Commander, format_: str) -> None:
    said = edgebench("table", "--ops", "r", "--format", format_)
    assert said.returncode == 0
    assert "DEPTHWISE_CONV_2D" in said.stdout


def test_the_raw_profile_stays(edgebench: Commander) -> None:
    profiles = list((edgebench.folder / "r").glob("raw/*/profile.csv"))
    assert [each.read_text() for each in profiles] == [(edgebench.folder / "prof.csv").read_text()]


def test_latency_and_operators_never_share_a_run(edgebench: Commander) -> None:
    runs = [
        json.loads(line)
        for line in (edgebench.folder / "r" / "runs.jsonl").read_text().splitlines()
    ]
    for run in runs:
        profiled = any("enable_op_profiling" in part for part in run["command"])
        assert profiled == (run["pass"] == "ops" and run["outcome"] == "measured")
        names = {each["metric"] for each in run["measurements"]}
        if run["pass"] == "ops":
            assert names <= {"operators_total", "profiled_latency_mean"}


def test_results_without_operators_say_what_to_do(edgebench: Commander) -> None:
    said = edgebench("table", "--ops", "r", "--only", "variant=none")
    assert said.returncode == 2
    assert "profile: ops" in said.stderr
