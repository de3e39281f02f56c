"""The main job with real parts: Chromium, adb server, adb protocol and LiteRT, one table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

import harness
from harness.metrics import METRICS
from harness.model import Measured, Skipped
from harness.plugins import registry

pytestmark = [pytest.mark.browser, pytest.mark.adb, pytest.mark.litert]

CONFIGS = Path(__file__).parents[2] / "configs"
WASM = {
    "plain": "tfjs-backend-wasm.wasm",
    "simd": "tfjs-backend-wasm-simd.wasm",
    "simd-2t": "tfjs-backend-wasm-threaded-simd.wasm",
}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Commander, str]:
    """Run the quickstart suite for real, one block of it; return its stdout, too."""
    import os

    folder = tmp_path_factory.mktemp("quick")
    command = Commander(folder, dict(os.environ))
    suite = str(CONFIGS / "quickstart.yaml")
    run = command("run", suite, "--blocks", "1", "--out", "r", "--progress", "lines")
    assert run.returncode == 0, run.stdout + run.stderr
    return command, run.stdout


@pytest.fixture(scope="module")
def results(quick: tuple[Commander, str]) -> Any:
    return harness.read(quick[0].folder / "r")


def test_every_cell_of_both_lanes_is_measured(results: Any) -> None:
    assert all(isinstance(run.outcome, Measured) for run in results.runs)
    assert len(results.runs) == 2 * (2 * 3 + 2 * 2)
    drivers = {run.cell.target: run.setting["driver"] for run in results.runs}
    assert drivers == {"chromium": "web-tfjs", "device": "android-tflite"}


def test_every_number_is_read_again_from_its_raw_files(quick: tuple[Commander, str]) -> None:
    run = quick[0]("verify", "r", "--json")
    assert run.returncode == 0, run.stdout
    (table,) = json.loads(run.stdout)["tables"]
    counts = {row["check"]: row for row in table["rows"]}
    assert counts["reading"]["holds"]["value"] == 2 * (2 * 3 + 2 * 2)
    assert counts["reading"]["not_checked"]["value"] == 0


def test_each_wasm_variant_is_proved_by_what_was_served(results: Any) -> None:
    for run in results.runs:
        if run.cell.target == "chromium":
            served = [v for v in run.proof.observed.values() if str(v).endswith(".wasm")]
            assert served == [WASM[run.cell.variant]]
            assert run.proof.observed["threads"] == (2 if run.cell.variant == "simd-2t" else 1)
            assert run.conditions["cross_origin_isolated"] is True
            assert run.subject["wasm_sha256"]


def test_outputs_of_every_latency_run_match_their_reference(results: Any) -> None:
    for run in results.runs:
        if run.pass_ == "latency":
            assert run.conditions["output_check"].startswith("ok within"), run.cell
            assert run.proof.observed["output_max_relative_difference"] <= 1e-4


def test_both_lanes_were_fed_the_same_bytes(results: Any) -> None:
    for model in ("mobilenet_v2", "blazeface"):
        fed = {r.setting["inputs_sha256"] for r in results.runs if r.cell.model == model}
        assert len(fed) == 1


def test_the_virtual_device_is_named_so_in_every_row_and_in_a_section_of_its_own(
    quick: tuple[Commander, str], results: Any
) -> None:
    for run in results.runs:
        if run.cell.target == "device":
            assert run.setting["device"] == "virtual device (this host)"
            assert run.setting["virtual"] is True
            assert run.subject["tool"] == "litert-host"
    before, _, after = quick[1].partition("Virtual device")
    assert "cpu-1" not in before
    # One table sets the two lanes side by side, and says there what that means.
    own, _, beside = after.partition("Native against browser")
    assert "simd-2t" not in own
    assert "simd-2t" in beside.partition("\n\n")[0]


def test_passes_never_share_a_run(results: Any) -> None:
    for run in results.runs:
        assert isinstance(run.outcome, Measured)
        metrics = {m.metric for m in run.outcome.measurements}
        timed = any(name.startswith("latency_") for name in metrics)
        memory = {name for name in metrics if METRICS[name].family == "memory"}
        assert timed == (run.pass_ == "latency")
        assert bool(memory) == (run.pass_ == "memory")


@pytest.mark.parametrize("name", registry("formats").names)
def test_the_tables_come_in_every_format_on_a_machine_without_adb_or_browser(
    quick: tuple[Commander, str], name: str
) -> None:
    bare = quick[0].within(PATH="/nonexistent", ADBUTILS_ADB_PATH="/nonexistent")
    table = bare("table", "r", "--format", name)
    assert table.returncode == 0, table.stderr
    # LaTeX writes an underscore behind a backslash.
    shown = table.stdout.replace(r"\_", "_")
    for word in ("mobilenet_v2", "blazeface", "simd-2t", "cpu-2"):
        assert word in shown
    if name == "json":
        assert {t["name"] for t in json.loads(table.stdout)["tables"]} >= {
            "latency",
            "speedups",
            "cold_start",
            "memory",
            "coverage",
        }
    if name == "csv":
        rows = list(csv.DictReader(io.StringIO(table.stdout)))
        assert {row["table"] for row in rows} >= {"latency", "memory"}


def test_the_folder_opens_as_a_tidy_frame(results: Any) -> None:
    frame = results.to_pandas()
    means = frame[(frame["metric"] == "latency_mean") & (frame["pass"] == "latency")]
    assert len(means) == 10
    assert (means["value"] > 0).all()
    assert (means["value"] < 5).all()


def test_nothing_in_the_folder_names_this_machine_or_its_user(
    quick: tuple[Commander, str], results: Any
) -> None:
    import getpass
    import platform

    folder = quick[0].folder / "r"
    text = (folder / "runs.jsonl").read_text() + (folder / "session.json").read_text()
    assert platform.node() not in text
    assert str(CONFIGS.parent) not in text
    assert f"/{getpass.getuser()}/" not in text


def test_raw_captures_can_be_read_again_to_the_same_numbers(results: Any) -> None:
    from harness.model import Capture
    from harness.plugins import driver

    folder = Path(results.folders[0].path)
    for run in results.runs:
        files = {p.name: p.read_bytes() for p in (folder / run.raw).iterdir()}
        again = driver(run.setting["driver"]).read(Capture(files))
        assert isinstance(run.outcome, Measured)
        assert isinstance(again.outcome, Measured)
        assert again.outcome.measurements == run.outcome.measurements


def test_the_shipped_suites_are_valid_and_can_be_planned(edgebench: Commander) -> None:
    suites = sorted(
        str(path) for path in CONFIGS.glob("*.yaml") if not path.name.startswith("devices.")
    )
    assert len(suites) >= 3
    assert edgebench("validate", *suites).returncode == 0
    for suite in suites:
        plan = edgebench("plan", suite, "--json")
        assert plan.returncode == 0, plan.stderr
        assert json.loads(plan.stdout)["tables"][0]["rows"]


def test_a_phone_suite_without_a_phone_is_skipped_rows_and_exit_1(
    adb_of_its_own: Commander,
) -> None:
    folder = adb_of_its_own.folder
    (folder / "configs").mkdir()
    suite = (CONFIGS / "phone.yaml").read_text()
    # Not `auto`: a phone of whoever runs this test is left alone.
    (folder / "configs" / "phone.yaml").write_text(suite.replace("device: auto", "device: none1"))
    tool = folder / "tools" / "arm64-v8a" / "benchmark_model"
    tool.parent.mkdir(parents=True)
    tool.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\x00\xb7\x00" + b"\0" * 44)
    unpinned = adb_of_its_own("run", "configs/phone.yaml", "--out", "r", "--blocks", "1")
    assert unpinned.returncode == 2
    assert "edgebench lock" in unpinned.stderr
    locked = adb_of_its_own("lock", "configs/phone.yaml")
    assert locked.returncode == 0, locked.stderr
    run = adb_of_its_own("run", "configs/phone.yaml", "--out", "r", "--blocks", "1")
    assert run.returncode == 1, run.stderr
    runs = harness.read(folder / "r").runs
    assert runs
    assert all(isinstance(r.outcome, Skipped) and not r.outcome.expected for r in runs)
    assert "skipped" in run.stdout
