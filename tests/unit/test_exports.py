"""Each export is read by what it was made for, where that can be installed, else as documented."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import Failure, JUnitXml, Skipped
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_folders import CHROMIUM, SECONDS, folder, realistic, session, times

from harness import store
from harness.cli import main
from harness.model import Cell, Outcome, ResultFolder
from harness.report.exports import (
    bencher,
    github_action_benchmark,
    google_benchmark,
    junit,
    openmetrics,
)
from harness.report.exports.cells import Exported, exported

COMPARE = Path("/usr/share/benchmark/compare.py")
HOSTILE = 'a"b\\c<d>&\u202e|=cmd'


def cells(of: ResultFolder | None = None, *, virtual: bool = False) -> tuple[Exported, ...]:
    return exported([of or realistic()], include_virtual=virtual)


def steady(factor: float = 1.0, *, model: str = "mobilenet_v2") -> ResultFolder:
    """A folder without failures, whose times are the usual ones times a factor."""
    record = session((CHROMIUM,), (model,), blocks=10)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times(factor * SECONDS["mobilenet_v2", cell.variant] * (1 + block / 1000))

    return folder(record, outcome_of)


def test_github_action_benchmark_gets_what_its_reader_asks_for() -> None:
    # src/extract.ts, extractCustomBenchmarkResult: every entry has these, the rest is optional.
    entries = json.loads(github_action_benchmark.render(cells()))
    assert entries
    for entry in entries:
        assert isinstance(entry["name"], str)
        assert entry["unit"] in {"ms", "MiB"}
        assert math.isfinite(entry["value"])
        assert entry["range"].startswith("± ")
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    plain = next(e for e in entries if e["name"].endswith("plain: latency_p50"))
    assert plain["value"] == pytest.approx(SECONDS["mobilenet_v2", "plain"] * 1000, rel=0.05)


def test_bencher_gets_latency_in_nanoseconds_within_its_bounds() -> None:
    told = json.loads(bencher.render(cells()))
    for measures in told.values():
        for measure in measures.values():
            assert set(measure) == {"value", "lower_value", "upper_value"}
            assert measure["lower_value"] <= measure["value"] <= measure["upper_value"]
    (plain,) = (m for name, m in told.items() if name == "mobilenet_v2/fp32 on chromium/plain")
    assert plain["latency"]["value"] == pytest.approx(82.5e6, rel=0.05)
    # It was refused: nothing stands where a number would be.
    assert not any("latency" in m for name, m in told.items() if name.endswith("blazeface simd-2t"))


def test_openmetrics_is_read_by_the_reference_parser_with_hostile_names() -> None:
    record = session((CHROMIUM,), (HOSTILE,), blocks=6, label='l"x')
    made = folder(record, lambda cell, block: times(0.01))
    text = openmetrics.render(cells(made))
    families = {f.name: f for f in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]  # it ships no types
    latency = families["edgebench_latency_seconds"]
    assert (latency.type, latency.unit) == ("gauge", "seconds")
    assert {sample.labels["model"] for sample in latency.samples} == {HOSTILE}
    assert {sample.value for sample in latency.samples} == {0.01}
    assert {sample.labels["over_runs"] for sample in latency.samples} == {"min", "median", "max"}


def test_junit_is_read_with_every_failure_and_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(junit.render(cells()), encoding="utf-8")
    (suite,) = JUnitXml.fromfile(str(path))
    found = {case.name: case.result for case in suite}
    assert suite.tests == len(found) == 6
    assert suite.failures == sum(
        any(isinstance(r, Failure) for r in each) for each in found.values()
    )
    (refused,) = found["blazeface/fp32 on chromium/simd-2t"]
    assert refused.message.startswith("variant-mismatch: threads asked 2, observed 1")
    assert "next step" in refused.text


def test_junit_shows_a_cell_that_was_never_run_as_skipped(tmp_path: Path) -> None:
    made = folder(session((CHROMIUM,), ("m",)), lambda cell, block: None)
    path = tmp_path / "junit.xml"
    path.write_text(junit.render(cells(made)), encoding="utf-8")
    (suite,) = JUnitXml.fromfile(str(path))
    assert [type(case.result[0]) for case in suite] == [Skipped] * 3


@pytest.fixture
def compare_py() -> str:
    if not COMPARE.is_file():
        reason = "Google Benchmark's tools are not installed (Debian: libbenchmark-tools)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(COMPARE)


def test_google_benchmarks_own_tool_tests_over_runs(compare_py: str, tmp_path: Path) -> None:
    for name, factor in (("a", 1.0), ("b", 1.1)):
        text = google_benchmark.render(cells(steady(factor)))
        (tmp_path / f"{name}.json").write_text(text)
    dumped = tmp_path / "out.json"
    subprocess.run(
        [
            *(sys.executable, compare_py, "-d", str(dumped), "benchmarks"),
            *(str(tmp_path / "a.json"), str(tmp_path / "b.json")),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    told = {entry["name"]: entry for entry in json.loads(dumped.read_text())}
    plain = told["mobilenet_v2/fp32 on chromium/plain"]
    assert len(plain["measurements"]) == 10
    assert plain["measurements"][0]["time"] == pytest.approx(0.1)
    assert plain["utest"]["time_pvalue"] < 0.01


def written(at: Path, results: ResultFolder) -> str:
    with store.create(at, results.session, "suite: s\n") as writer:
        for run in results.runs:
            writer.append(run)
    return str(at)


def test_virtual_cells_are_left_out_unless_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "r", realistic())
    assert main(["export", path, "--format", "bencher"]) == 0
    shown = capsys.readouterr()
    assert "on device/" not in shown.out
    assert "4 cells of virtual devices left out" in shown.err
    assert main(["export", path, "--format", "bencher", "--include-virtual"]) == 0
    named = [name for name in json.loads(capsys.readouterr().out) if " on device/" in name]
    assert named
    assert all(name.endswith("(virtual)") for name in named)


def test_an_unknown_export_is_told_with_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path), "--format", "excel"]) == 2
    told = capsys.readouterr().err
    for name in ("bencher", "github-action-benchmark", "google-benchmark", "junit", "openmetrics"):
        assert name in told


def test_sessions_are_told_apart_in_names() -> None:
    one = steady()
    other = replace(one, path="results/quickstart/other")
    other = replace(other, session=replace(other.session, label="other"))
    names = [each.name for each in exported([one, other], include_virtual=False)]
    assert len(set(names)) == len(names) == 6


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize("module", [bencher, github_action_benchmark, google_benchmark])
def test_json_has_no_number_that_json_has_not(module: Any) -> None:
    assert all(map(math.isfinite, numbers(json.loads(module.render(cells(virtual=True))))))
