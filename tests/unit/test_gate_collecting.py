"""A build is everything that runs and can be kept; what cannot is noted as the environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_parts import CELL, LAST_GOOD, at, build, found, written

from harness.errors import StoreError, TargetNotFound
from harness.gate.builds import Build, runtime_part
from harness.gate.collecting import Models, collect
from harness.gate.environment import changes, environment_of
from harness.plugins import ModelFile, ToolFile, Workload
from harness.suite.values import ModelSource

SHA = "0" * 64


class WithRuntime:
    """A driver as far as collecting needs one."""

    def __init__(self, files: dict[str, Path] | None) -> None:
        self.files = files

    def runtime_files(self) -> dict[str, Path]:
        if self.files is None:
            raise TargetNotFound("it is not installed", hint="install it")
        return self.files


def models(folder: Path) -> tuple[ModelSource, Models]:
    manifest = b'{"weightsManifest": [{"paths": ["w/b.bin", "a.bin"]}]}'
    files = written(
        folder,
        {"model.json": manifest, "a.bin": b"a", "w/b.bin": b"bb", "run.js": b"js", "r.npz": b"r"},
    )
    workload = Workload({"run.js": files["run.js"]}, "1" * 64, {"size": 3}, 30.0, 2.0)
    file = ModelFile("tfjs", files["model.json"], SHA, 10, workload)
    source = ModelSource("m", "fp32", None, {}, (), files["r.npz"], 1e-4)
    return source, {("m", "fp32"): {"tfjs": file}}


def test_models_come_with_their_weights_their_workload_and_their_reference(tmp_path: Path) -> None:
    source, files = models(tmp_path)
    found = collect([source], {}, files, {})
    assert {name: sorted(part.files) for name, part in found.build.parts.items()} == {
        "model:m/fp32/tfjs": ["a.bin", "model.json", "w/b.bin"],
        "workload:m/fp32": ["run.js"],
        "reference:m/fp32": ["r.npz"],
    }
    model = found.build.parts["model:m/fp32/tfjs"]
    assert (model.main, model.known_as) == ("model.json", SHA)
    assert model.size_bytes == sum(
        p.stat().st_size for p in found.files["model:m/fp32/tfjs"].values()
    )
    assert found.build.parts["workload:m/fp32"].facts == {
        "options": '{"size": 3}',
        "frames_per_second": 30.0,
        "schedule_s": 2.0,
    }


def test_tools_and_runtimes_are_parts_and_what_is_not_installed_is_none(tmp_path: Path) -> None:
    files = written(tmp_path, {"tool": b"elf", "lib.js": b"js"})
    tools = {"t": {"x86_64": ToolFile("t", "x86_64", files["tool"], SHA, "litert")}}
    drivers: Any = {
        "web": WithRuntime({"@x/lib.js": files["lib.js"]}),
        "gone": WithRuntime(None),
        "node": WithRuntime({}),
        "other": object(),
    }
    parts = collect([], drivers, {}, tools).build.parts
    assert list(parts) == ["tool:t/x86_64", "runtime:web"]
    assert parts["tool:t/x86_64"].facts == {"kind": "litert"}
    assert list(parts["runtime:web"].files) == ["@x/lib.js"]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    tools = {"t": {"x86_64": ToolFile("t", "x86_64", tmp_path / "gone", SHA)}}
    with pytest.raises(StoreError, match="cannot be read") as caught:
        collect([], {}, {}, tools)
    assert caught.value.where.endswith("gone")


def test_what_cannot_be_kept_is_noted_by_bench_and_twins_are_not_asked() -> None:
    summaries = dict(found({CELL: at(1.0), LAST_GOOD: at(1.0)}))
    session = summaries[CELL].session
    twin = summaries[LAST_GOOD]
    older = tuple(
        replace(run, subject={**run.subject, "browser": "another"}) for run in twin.latency.runs
    )
    summaries[LAST_GOOD] = replace(twin, latency=replace(twin.latency, runs=older))
    kept = Build(
        {
            **build("a").parts,
            runtime_part("web-tfjs"): build("a").parts["model:blazeface/fp32/tfjs"],
        }
    )
    noted = environment_of(summaries, session, kept)
    assert noted["host"]["browser of chromium"] == "chromium 156.0.8078.79"
    assert noted["host"]["cpu_model"] == "AMD EPYC 7B13"
    assert "tfjs of chromium" not in noted["host"]
    alone = environment_of(summaries, session, build("a"))
    assert alone["host"]["tfjs of chromium"] == "4.22.0"
    newer = {"host": {**noted["host"], "browser of chromium": "chromium 157", "new": 1}}
    assert [(c.fact, c.now) for c in changes(noted, newer)] == [
        ("browser of chromium", "chromium 157")
    ]
