"""What devices took, beside the plan: only of the very same file, by memory runs, or printed."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from report_folders import DEVICE, memory, run, session

from harness.cli.memory_results import device_rows
from harness.graphs.builder import GraphBuilder
from harness.graphs.tflite_reader import TfliteModel, read_tflite
from harness.graphs.tflite_writer import write_tflite
from harness.model import ResultFolder, RunResult

CAPTURE = (
    Path(__file__).parents[1]
    / "fixtures"
    / "benchmark_model"
    / "benchmark_model-litert-f674577"
    / "print_state.json"
)


@pytest.fixture
def model(tmp_path: Path) -> TfliteModel:
    net = GraphBuilder("net", 1)
    path = tmp_path / "net.tflite"
    path.write_bytes(write_tflite(net.build(net.relu(net.conv(net.input((1, 8, 8, 3)), 4)))))
    return read_tflite(path)


def folder(path: Path, model: TfliteModel, *, digest: str = "") -> ResultFolder:
    record = session((DEVICE,), ("m",))
    found = digest or sha256(model.path.read_bytes()).hexdigest()
    runs: list[RunResult] = [
        replace(
            run(record.cells[0], block, memory(peak_rss=size, gpu_ms=1), pass_="memory"),
            subject={"model_sha256": found},
            setting={"delegate": "XNNPACK"},
            raw=f"raw/{block}",
        )
        for block, size in ((1, 5e6), (2, 9e6), (3, 6e6))
    ]
    return ResultFolder(str(path), record, tuple(runs))


def test_memory_metrics_are_medians_over_the_runs_of_this_file(
    model: TfliteModel, tmp_path: Path
) -> None:
    (row,) = device_rows([model], folder(tmp_path, model))
    assert row.source == "device/cpu-1 (virtual device): peak_rss, median of 3"
    assert (row.process_bytes, row.arena_bytes, row.delegate) == (6_000_000, None, "XNNPACK")


def test_a_phones_row_is_not_called_virtual(model: TfliteModel, tmp_path: Path) -> None:
    found = folder(tmp_path, model)
    record = replace(found.session, targets=(replace(DEVICE, virtual=False),))
    (row,) = device_rows([model], replace(found, session=record))
    assert row.source == "device/cpu-1: peak_rss, median of 3"


def test_a_printed_state_gives_the_devices_own_arena(model: TfliteModel, tmp_path: Path) -> None:
    raw = tmp_path / "raw" / "2"
    raw.mkdir(parents=True)
    (raw / "stdout.txt").write_text(json.loads(CAPTURE.read_text())["stdout"])
    printed, _ = device_rows([model], folder(tmp_path, model))
    assert printed.source == "device/cpu-1 (virtual device): printed post-invoke"
    assert (printed.arena_bytes, printed.kept_bytes) == (257536, 0)
    assert printed.delegate == "TfLiteXNNPackDelegate"


def test_runs_of_another_file_are_not_shown(model: TfliteModel, tmp_path: Path) -> None:
    (row,) = device_rows([model], folder(tmp_path, model, digest="00"))
    assert row.process_bytes is None
    assert "has no run of this very file" in row.note
