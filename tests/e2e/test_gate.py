"""Nights of `edgebench gate`, with a driver of a stranger whose times follow from the model's file.

A bigger file takes longer, so what a gate must find is known before it looks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness.artifacts import model_files
from harness.cli.gate import PENDING
from harness.suite.values import Generated, ModelSource

pytestmark = pytest.mark.litert

# 4 ms for the file as it is at first, and in proportion to its size.
PROGRAM = """
import os, random, sys, time
flags = dict(argument.lstrip("-").partition("=")[::2] for argument in sys.argv[1:])
time.sleep(float(os.environ.get("SLOWLY", 0)))
base = int(open("base-bytes").read())
print(f"threads={flags['threads']}")
for _ in range(3):
    print(f"iteration_s={0.004 * os.path.getsize(flags['model']) / base * random.gauss(1, 0.001)}")
"""
SUITE = """
suite: nightly
models:
  net: {tflite: net.tflite}
  other: {tflite: other.tflite}
targets:
  mine:
    driver: command
    variants: {one: {command: [python3, program.py]}}
sampling: {memory_runs: 0, replace_disturbed: 0, disturbed_above: 99%}
"""


@pytest.fixture
def night(stranger: Commander) -> Commander:
    """The command in a folder with a suite of two models."""
    source = ModelSource("n", "fp32", Generated("blazeface_front", 7), {}, (), "cpu", 1e-4)
    model = model_files(source, ["tflite"])["tflite"].path.read_bytes()
    folder = stranger.folder
    (folder / "base-bytes").write_text(str(len(model)))
    (folder / "net.tflite").write_bytes(model)
    (folder / "other.tflite").write_bytes(model)
    (folder / "program.py").write_text(PROGRAM)
    (folder / "suite.yaml").write_text(SUITE)
    return stranger


def grow(night: Commander, share: float) -> None:
    """Make the model's file larger by trailing zeros, which no reader of it looks at."""
    path = night.folder / "net.tflite"
    data = path.read_bytes()
    path.write_bytes(data + bytes(round(len(data) * share)))


def gate(night: Commander, out: str, *more: str, code: int) -> dict[str, Any]:
    ended = night("gate", "suite.yaml", "--against", "last-good", "--out", out, "--quiet", *more)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return decision(night, out)


def decision(night: Commander, out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((night.folder / out / "gate.json").read_text())
    return found


def verdicts(record: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(each["cell"]["model"], each["what"]): each["verdict"] for each in record["judgements"]}


def targets(folder: Path) -> list[tuple[str, str]]:
    runs = map(json.loads, (folder / "runs.jsonl").read_text().splitlines())
    return [(run["cell"]["model"], run["cell"]["target"]) for run in runs]


def kept(night: Commander) -> bytes:
    return (night.folder / "results/nightly/last-good/build.json").read_bytes()


def test_a_regression_is_found_beside_the_kept_build_and_moves_nothing(night: Commander) -> None:
    first = gate(night, "first", code=0)
    assert (first["first_night"], first["moved"]) == (True, True)

    same = gate(night, "same", code=0)
    assert same["why_not_moved"] == "the builds are identical"
    assert {target for _, target in targets(night.folder / "same")} == {"mine"}

    grow(night, 0.1)
    before = kept(night)
    plan = night("plan", "suite.yaml", "--against", "last-good", "--format", "markdown")
    assert "1 cell beside the last good build: about" in plan.stdout, plan.stderr
    ended = night("gate", "suite.yaml", "--out", "slower", "--quiet", "--json")
    assert ended.returncode == 1, ended.stderr
    assert json.loads(ended.stdout)["tables"][0]["title"] == "Gate: red"
    slower = decision(night, "slower")
    assert verdicts(slower) == {
        ("net", "outcome"): "unchanged",
        ("other", "outcome"): "unchanged",
        ("net", "latency"): "regressed",
        ("net", "file_bytes"): "regressed",
        ("other", "file_bytes"): "unchanged",
    }
    latency = next(each for each in slower["judgements"] if each["what"] == "latency")
    assert latency["change"] == pytest.approx(0.1, abs=0.005)
    assert latency["blocks"] == 12
    assert not slower["moved"]
    assert kept(night) == before
    pairs = targets(night.folder / "slower")
    assert pairs.count(("net", "mine (last good)")) == pairs.count(("net", "mine")) == 6
    assert ("other", "mine (last good)") not in pairs
    fresh = targets(night.folder / "slower/confirmation")
    assert sorted(fresh) == [("net", "mine")] * 12 + [("net", "mine (last good)")] * 12
    session = json.loads((night.folder / "slower/session.json").read_text())
    files = [
        session["models"][name]["tflite_bytes"] for name in ("net/fp32 (last good)", "net/fp32")
    ]
    assert files[1] / files[0] == pytest.approx(1.1, abs=0.001)
    shown = night("table", "slower")
    assert "mine (last good)" in shown.stdout
    assert night("verify", "slower").returncode == 0

    accepted = gate(night, "accepted", "--accept", "model=net", code=0)
    assert accepted["moved"]
    assert verdicts(accepted)["net", "latency"] == "not judged"
    assert gate(night, "after", code=0)["why_not_moved"] == "the builds are identical"


def test_creep_below_every_threshold_is_stopped_by_the_pinned_reference(night: Commander) -> None:
    strict = SUITE + "gate: {latency: 1.4%, max_drift: 1.5%}\n"
    (night.folder / "suite.yaml").write_text(strict)
    gate(night, "0", code=0)
    moved = []
    for number in range(1, 3):
        grow(night, 0.0095)
        ended = night("gate", "suite.yaml", "--out", str(number), "--quiet")
        moved.append((ended.returncode, decision(night, str(number))["moved"]))
    assert moved == [(0, True), (1, False)]
    last = decision(night, "2")
    assert last["green"]
    assert "drifted too far from the pinned reference" in last["why_not_moved"]
    assert {target for _, target in targets(night.folder / "2")} == {
        "mine",
        "mine (last good)",
        "mine (reference)",
    }


def test_a_night_that_is_killed_goes_on_where_it_was_and_last_good_moves_once(
    night: Commander,
) -> None:
    gate(night, "first", code=0)
    grow(night, 0.005)
    before = kept(night)
    slowly = night.within(SLOWLY="0.2")
    killed = slowly.start("gate", "suite.yaml", "--out", "r", "--progress", "lines")
    assert killed.stderr is not None
    while "3/18]" not in killed.stderr.readline():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert kept(night) == before
    lines = (night.folder / "r" / "runs.jsonl").read_text().splitlines()
    assert len(lines) >= 2

    model = (night.folder / "net.tflite").read_bytes()
    grow(night, 0.005)
    refused = night("gate", "suite.yaml", "--resume", "r", "--quiet")
    assert refused.returncode == 4
    assert "other builds stand here now" in refused.stderr

    (night.folder / "net.tflite").write_bytes(model)
    resumed = night("gate", "suite.yaml", "--resume", "r", "--quiet")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert decision(night, "r")["moved"]
    assert (night.folder / "r" / "runs.jsonl").read_text().splitlines()[: len(lines)] == lines
    assert kept(night) != before
    # A kill between the move and the word that it moved.
    record = decision(night, "r")
    pending = {**record, "moved": False, "why_not_moved": PENDING}
    (night.folder / "r" / "gate.json").write_text(json.dumps(pending))
    moved = kept(night)
    again = night("gate", "suite.yaml", "--resume", "r", "--quiet")
    assert again.returncode == 0, again.stderr
    assert decision(night, "r") == record
    assert kept(night) == moved
    assert (night.folder / "r" / "runs.jsonl").read_text().count("\n") == 3 * 6


def test_fresh_blocks_that_were_interrupted_are_completed_before_anything_is_decided(
    night: Commander,
) -> None:
    gate(night, "first", code=0)
    grow(night, 0.1)
    killed = night.within(SLOWLY="0.05").start(
        "gate", "suite.yaml", "--only", "model=net", "--out", "r", "--progress", "lines"
    )
    assert killed.stderr is not None
    while "5/24]" not in killed.stderr.readline():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert not (night.folder / "r" / "gate.json").exists()
    before = targets(night.folder / "r" / "confirmation")
    resumed = night("gate", "suite.yaml", "--resume", "r", "--quiet")
    assert resumed.returncode == 1, resumed.stdout + resumed.stderr
    assert verdicts(decision(night, "r"))["net", "latency"] == "regressed"
    assert {model for model, _ in verdicts(decision(night, "r"))} == {"net"}
    fresh = targets(night.folder / "r" / "confirmation")
    assert (fresh[: len(before)], len(fresh)) == (before, 24)
    unknown = night("gate", "suite.yaml", "--accept", "model=nett", "--quiet")
    assert unknown.returncode == 2
    assert "--accept names no cell" in unknown.stderr
