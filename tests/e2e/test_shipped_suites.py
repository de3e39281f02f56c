"""The suites that docs/models.md lists with real parts: one block of each, shrunk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from conftest import Commander

import harness
from harness.model import Measured, RunResult, Skipped, Table
from harness.report.results import Results

pytestmark = [pytest.mark.browser, pytest.mark.adb, pytest.mark.litert]

CONFIGS = Path(__file__).parents[2] / "configs"
QUICK = {
    "blocks": 1,
    "memory_runs": 0,
    "warmup": {"iterations": 1, "seconds": 0},
    "timed": {"iterations": 5, "max_seconds": 1},
}
EXAMPLES = 8

Suite: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Ran:
    """What one block of a suite left; `pictures` is file name → SVG."""

    results: Results
    pictures: dict[str, str]

    def outcomes(self, target: str) -> dict[str, RunResult]:
        """Return a target's latency runs by model, file and variant."""
        return {
            f"{run.cell.model}/{run.cell.file} {run.cell.variant}": run
            for run in self.results.runs
            if run.cell.target == target and run.pass_ == "latency"
        }

    def table(self, name: str) -> Iterator[Table]:
        """Yield the tables of that name, of real targets and of virtual ones."""
        yield from (table for table in self.results.tables() if table.name == name)


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[str, Callable[[Suite], None]], Ran]:
    """Run one block of a copy of a suite that was shrunk, and publish it."""

    def run(name: str, shrink: Callable[[Suite], None]) -> Ran:
        suite = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
        suite["sampling"] = QUICK
        shrink(suite)
        (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite))
        edgebench = Commander(tmp_path, dict(os.environ))
        done = edgebench("run", "suite.yaml", "--out", "r", "--quiet")
        assert done.returncode == 0, done.stdout + done.stderr
        published = edgebench("publish", "r", "--out", "site", "--include-virtual")
        assert published.returncode == 0, published.stderr
        drawn = sorted((tmp_path / "site").glob("pictures/*.svg"))
        pictures = {path.name: path.read_text() for path in drawn}
        return Ran(harness.read(tmp_path / "r"), pictures)

    return run


def measured(runs: dict[str, RunResult]) -> set[str]:
    return {name for name, run in runs.items() if isinstance(run.outcome, Measured)}


def skipped(runs: dict[str, RunResult]) -> dict[str, str]:
    """Return why each run was skipped."""
    return {
        name: f"{run.outcome.failure.kind}: {run.outcome.failure.message}"
        for name, run in runs.items()
        if isinstance(run.outcome, Skipped)
    }


def columns(table: Table) -> set[str]:
    return {column.key for column in table.columns}


def test_tfjs_2020_sets_five_variants_beside_what_was_published(ran: Any) -> None:
    def shrink(suite: Suite) -> None:
        del suite["models"]["mobilenet_v2"]
        published = [each for each in suite["published"] if "blazeface" in each["latency_ms"]]
        for each in published:
            each["latency_ms"].pop("mobilenet_v2", None)
        suite["published"] = published

    done = ran("tfjs-wasm-2020", shrink)
    variants = ("plain", "webgl", "cpu", "simd", "simd-threads")
    assert measured(done.outcomes("chromium")) == {f"blazeface/fp32 {each}" for each in variants}
    (beside,) = done.table("published")
    assert {"published.iPhone X", "published.MacBook Pro 15 2019"} <= columns(beside)
    ours = {row[2] for row in beside.rows if row[0] == "blazeface" and row[3] is not None}
    assert ours == set(variants)


def test_the_cartoonizer_is_measured_in_every_file_that_a_lane_has(ran: Any) -> None:
    def shrink(suite: Suite) -> None:
        suite["models"]["cartoonizer"]["generate"]["size"] = 32

    done = ran("cartoonizer", shrink)
    files = ("fp32", "fp16", "dynamic", "int8")
    assert measured(done.outcomes("device")) == {f"cartoonizer/{each} cpu-4" for each in files}
    page = done.outcomes("chromium")
    assert measured(page) == {"cartoonizer/fp32 simd-4t"}
    reasons = skipped(page)
    assert set(reasons) == {f"cartoonizer/{each} simd-4t" for each in files[1:]}
    assert all(reason.startswith("model-unavailable") for reason in reasons.values())
    assert {row[1] for table in done.table("files") for row in table.rows} == set(files)


def test_nlp_compares_models_to_bert_and_names_the_operator_that_wasm_lacks(ran: Any) -> None:
    def shrink(suite: Suite) -> None:
        small = {"sequence": 16, "vocabulary": 500}
        for name, model in suite["models"].items():
            given = model["generate"]
            network = {"network": given} if isinstance(given, str) else given
            size = {"layers": [1, 2]} if name == "mobilebert" else {"layers": 1, "hidden": 32}
            model["generate"] = {**network, **small, **size}

    done = ran("nlp", shrink)
    page, device = done.outcomes("chromium"), done.outcomes("device")
    assert "tanh activation not yet supported" in skipped(page)["bert-fused-tanh/fp32 simd-4t"]
    assert {"bert/fp32 simd-4t", "bert-unfused/fp32 simd-4t"} <= measured(page)
    assert {"bert/dynamic cpu-4", "bert-fused-tanh/fp32 cpu-4"} <= measured(device)
    assert all(run.proof.observed["threads"] == 4 for run in device.values())
    assert any("compared to bert" in table.title for table in done.table("models"))
    assert any("Latency over layers" in svg for svg in done.pictures.values())


def test_recall_of_the_same_labels_is_the_same_in_both_lanes(ran: Any) -> None:
    def shrink(suite: Suite) -> None:
        model = suite["models"]["recommendation"]
        model["matrix"] = {"encoder": ["bow", "cnn", "rnn"], "history": [5, 10]}
        model["generate"]["candidates"] = 300
        model["files"] = ["fp32"]
        model["evaluate"]["examples"] = EXAMPLES

    done = ran("recommendation", shrink)
    scores: dict[str, dict[str, tuple[float | None, Any]]] = {}
    for run in done.results.runs:
        if run.pass_ == "quality":
            assert isinstance(run.outcome, Measured)
            (score,) = run.outcome.measurements
            assert score.metric == "quality_recall@10"
            assert run.conditions["quality_examples"] == EXAMPLES
            of_model = scores.setdefault(run.cell.model, {})
            of_model[run.cell.target] = (score.value, run.setting["labelled_sha256"])
    assert len(scores) == 6
    for lanes in scores.values():
        assert lanes["chromium"] == lanes["device"]
    assert len({lanes["device"][1] for lanes in scores.values()}) == 6
    drawn = "".join(done.pictures.values())
    assert "Latency and measured recall@10 on chromium" in drawn
    assert "Latency over history" in drawn


def test_retrieval_draws_latency_over_candidates_and_loads_thirteen_weight_files(ran: Any) -> None:
    """More weight files than a browser fetches at once: TF.js by itself waits for them forever."""

    def shrink(suite: Suite) -> None:
        suite["models"]["retrieval"]["files"] = ["fp32"]
        del suite["targets"]["chromium"]["variants"]["plain"]
        suite["targets"]["chromium"]["baseline"] = "simd"

    done = ran("retrieval", shrink)
    counts = (1000, 10000, 100000)
    assert measured(done.outcomes("chromium")) == {f"retrieval-{n}/fp32 simd" for n in counts}
    assert any("Latency over candidates" in svg for svg in done.pictures.values())
    assert any("compared to retrieval-1000" in table.title for table in done.table("models"))
